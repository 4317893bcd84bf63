"""Real `patchbay` processes for tests, ended by SIGTERM."""

import http.client
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from shared.settings import Settings
from tests.waiting import eventually

ROOT = Path(__file__).parents[1]
#: A process imports for two seconds; on a machine that does other things besides, for far longer.
START_TIMEOUT_S = 60
END_TIMEOUT_S = 20


def environment(settings: Settings) -> dict[str, str]:
    """The environment that makes a process use the same database and broker."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("PATCHBAY_")}
    networks = ",".join(str(network) for network in settings.webhook_allowed_networks)
    return {
        **inherited,
        "PATCHBAY_DATABASE_URL": settings.database_url,
        "PATCHBAY_BROKER_URL": settings.broker_url,
        "PATCHBAY_DATA_DIR": str(settings.data_dir),
        "PATCHBAY_EMAIL_URL": settings.email_url,
        "PATCHBAY_WEBHOOK_ALLOWED_NETWORKS": networks,
        "PATCHBAY_WATCH_INTERVAL_S": str(settings.watch_interval_s),
        "PATCHBAY_LOG_FORMAT": "json",
        "PYTHONFAULTHANDLER": "1",
    }


@contextmanager
def patchbay(
    settings: Settings, *arguments: str, **changed: str
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a worker until the block ends, which begins when it has started.

    Its log is shown when it ended badly.
    """
    log = settings.data_dir / f"{arguments[0]}-{len(list(settings.data_dir.iterdir()))}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "services.cli", *arguments],
            cwd=ROOT,
            env={**environment(settings), **changed},
            stdout=output,
            stderr=output,
        )
    try:
        eventually(
            lambda: b"worker.started" in log.read_bytes() or process.poll() is not None,
            START_TIMEOUT_S,
        )
        yield process
    finally:
        status = _ended(process)
    assert status == 0, log.read_text()


@contextmanager
def serving(
    settings: Settings, *command: str, **changed: str
) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """Run a process that speaks HTTP until the block ends; yields it and its port.

    It may have been killed in the meantime; one that is still there must end well.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = settings.data_dir / f"{command[0]}-{port}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "services.cli", *command],
            cwd=ROOT,
            env={**environment(settings), "PATCHBAY_PORT": str(port), **changed},
            stdout=output,
            stderr=output,
        )
    try:
        eventually(lambda: answers(port) or process.poll() is not None, START_TIMEOUT_S)
        yield process, port
    finally:
        status = _ended(process)
    assert status in (0, -signal.SIGKILL), log.read_text()


def _ended(process: subprocess.Popen[bytes]) -> int:
    """End a process and return its status; one that will not end tells in its log what it does."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    try:
        return process.wait(END_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        for each in [*psutil.Process(process.pid).children(recursive=True), process]:
            each.send_signal(signal.SIGABRT)  # PYTHONFAULTHANDLER prints where each thread is.
        return process.wait(END_TIMEOUT_S)


def answers(port: int) -> bool:
    """Whether a server is ready there."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()
