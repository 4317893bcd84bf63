"""Waiting for a fact with a deadline, and the log lines that explain why it did not come."""

import time
from collections.abc import Callable
from pathlib import Path

POLL_INTERVAL_S = 0.02


def wait_until(
    fact: Callable[[], bool], timeout_s: float, every_s: float = POLL_INTERVAL_S
) -> bool:
    """Ask ``fact`` until it is true or ``timeout_s`` has passed; returns its last answer."""
    deadline = time.monotonic() + timeout_s
    while not fact():
        if time.monotonic() > deadline:
            return False
        time.sleep(every_s)
    return True


def log_tail(*logs: Path, lines: int = 20) -> str:
    """The last ``lines`` lines of each log that exists, each under its path."""
    tails = []
    for log in logs:
        if log.is_file():
            last = log.read_text(errors="replace").splitlines()[-lines:]
            tails.append("\n".join([f"--- end of {log}", *last]))
    return "\n".join(tails)
