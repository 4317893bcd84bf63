"""Under what conditions something was measured: machine, versions, and how noisy the host was."""

import os
import platform
import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil

from deploy.local.programs import postgres_programs, rabbitmq_programs

PACKAGES = (
    *("aiohttp", "celery", "dramatiq", "flask", "granian", "marshmallow", "pika", "psycopg"),
    *("scipy", "sqlalchemy"),
)


def machine() -> dict[str, Any]:
    """Return what the machine is: cores, memory in GiB, processor, kernel."""
    return {
        "cores": psutil.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 2**30),
        "processor": _processor(),
        "kernel": f"{platform.system()} {platform.release()}",
    }


def versions() -> dict[str, str]:
    """Return the versions of Python, the servers, Erlang and the packages that carry the load."""
    postgres = _said(str(postgres_programs() / "postgres"), "--version").split()
    broker = re.search(r"rabbitmq_server-([\d.]+)", str(rabbitmq_programs().resolve()))
    erlang = "erlang:display(erlang:system_info(otp_release)), halt()."
    return {
        "Python": platform.python_version(),
        "PostgreSQL": postgres[2],
        "RabbitMQ": broker[1] if broker else "unknown",
        "Erlang/OTP": _said("erl", "-noshell", "-eval", erlang).strip('"'),
        **{name: version(name) for name in PACKAGES},
    }


def commit() -> str:
    """Return the commit that is measured, with `+` if what is here differs; `unknown` without."""
    found = _said("git", "rev-parse", "HEAD").split()[0]
    changed = _said("git", "status", "--porcelain", "--untracked-files=no")
    return f"{found}+" if changed and found != "unknown" else found


@contextmanager
def noted(title: str, notes: list[dict[str, Any]]) -> Iterator[None]:
    """Add a note of the block: when, how long, and shares of the processors' time.

    `stolen` is the share that the hypervisor gave to others (proc(5), /proc/stat, steal): what is
    measured while it is high says more about the neighbours than about Patchbay. `busy` is the
    share that was not idle. The loads are those of the last minute, before and after.
    """
    at, started = datetime.now(UTC), time.perf_counter()
    before, load_before = psutil.cpu_times(), os.getloadavg()[0]
    yield
    after = psutil.cpu_times()
    spent = {name: getattr(after, name) - getattr(before, name) for name in after._fields}
    # Time of guests is counted as the user's, too.
    whole = sum(taken for name, taken in spent.items() if not name.startswith("guest")) or 1.0
    idle = spent["idle"] + spent.get("iowait", 0.0)
    notes.append(
        {
            "title": title,
            "at": at.isoformat(timespec="seconds"),
            "seconds": time.perf_counter() - started,
            "load_before": load_before,
            "load_after": os.getloadavg()[0],
            "busy": 1 - idle / whole,
            "stolen": spent.get("steal", 0.0) / whole,
        }
    )


def in_words(note: dict[str, Any]) -> str:
    """Return one line about a note."""
    return (
        f"{note['seconds']:.0f} s, processors {note['busy']:.0%} busy, {note['stolen']:.1%} stolen"
        f", load {note['load_before']:.1f} to {note['load_after']:.1f}"
    )


def _processor() -> str:
    try:
        found = re.search(
            r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE
        )
    except OSError:
        found = None
    return found[1] if found else platform.processor() or "unknown"


def _said(*command: str) -> str:
    """Return what a program prints; `unknown` if it cannot be asked."""
    try:
        done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.SubprocessError):
        return "unknown unknown unknown"
    return done.stdout.strip()
