"""Several processes of one service: started, counted, restarted when they die, stopped together."""

import os
import shutil
import subprocess
import sys
import tempfile
import threading
from dataclasses import dataclass
from time import monotonic
from types import FrameType

from prometheus_client import multiprocess

from shared.observability.health import HealthServer
from shared.observability.logging import get_logger
from shared.process import on_ending

#: A process that dies sooner than this after its start is restarted with a growing rest.
STEADY_AFTER_S = 10.0
FIRST_REST_S, LAST_REST_S = 0.5, 10.0
LOOK_S = 0.2
#: Beyond the drain's own bound, before the last means.
KILL_MARGIN_S = 5.0

log = get_logger()


@dataclass(slots=True)
class _Child:
    process: subprocess.Popen[bytes]
    started_at: float
    rest_s: float = FIRST_REST_S
    restart_at: float | None = None


def supervise(
    name: str, count: int, threads: int, health: tuple[str, int], shutdown_timeout_s: float
) -> None:
    """Keep `count` processes of `patchbay NAME` running until SIGTERM, SIGINT or SIGHUP.

    Their metrics are added up and served here, with a readiness that counts the living.
    """
    folder = tempfile.mkdtemp(prefix="patchbay-metrics-")
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder
    command = [
        sys.executable,
        "-m",
        "services.cli",
        name,
        "--threads",
        str(threads),
        "--parent",
        str(os.getpid()),
    ]
    stopping = threading.Event()

    def stop(_: int, __: FrameType | None) -> None:
        stopping.set()

    on_ending(stop)
    children = [_start(command) for _ in range(count)]

    def readiness() -> dict[str, str]:
        alive = sum(child.process.poll() is None for child in children)
        return {} if alive and not stopping.is_set() else {"processes": f"{alive} of {count} run"}

    server = HealthServer(*health, readiness)
    server.start()
    log.info("supervisor.started", processes=count, health_port=server.port)
    while not stopping.wait(LOOK_S):
        for index, child in enumerate(children):
            children[index] = _look_after(child, command)
    for child in children:
        child.process.terminate()
    deadline = monotonic() + shutdown_timeout_s + KILL_MARGIN_S
    for child in children:
        try:
            child.process.wait(max(0.1, deadline - monotonic()))
        except subprocess.TimeoutExpired:
            child.process.kill()
    server.close()
    shutil.rmtree(folder, ignore_errors=True)


def _start(command: list[str]) -> _Child:
    # In a session of its own: Ctrl-C reaches the supervisor, which drains its children in order.
    return _Child(subprocess.Popen(command, start_new_session=True), monotonic())  # noqa: S603


def _look_after(child: _Child, command: list[str]) -> _Child:
    status = child.process.poll()
    if status is None:
        return child
    now = monotonic()
    if child.restart_at is None:
        steady = now - child.started_at > STEADY_AFTER_S
        child.rest_s = FIRST_REST_S if steady else min(child.rest_s * 2, LAST_REST_S)
        child.restart_at = now + child.rest_s
        multiprocess.mark_process_dead(child.process.pid)  # type: ignore[no-untyped-call]
        log.error("worker.died", pid=child.process.pid, status=status, restart_s=child.rest_s)
    if now < child.restart_at:
        return child
    fresh = _start(command)
    fresh.rest_s = child.rest_s
    return fresh
