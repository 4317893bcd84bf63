"""The process that the nursery's are forked from.

It reads a line of JSON for each start and answers with the pid. At the end of its input it kills
what still runs. It imports `services` and `shared` of the release that it is for, and so nothing
of today's that imports those itself, such as `deploy`.
"""

import gc
import importlib
import json
import os
import signal
import sys
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partialmethod
from pathlib import Path
from typing import Any

import psutil

from shared.domain.clock import SystemClock

_IMPORTED = (
    "services.cli.main",
    "services.cli.serve",
    "services.cli.router",
    "services.cli.notifier",
    "services.intake.wsgi",
    "services.standalone",
)


def _serve() -> None:
    for name in _IMPORTED:
        importlib.import_module(name)
    gc.collect()
    gc.freeze()
    # Nobody waits for the children here; whoever asked for one knows it by its pid.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for line in sys.stdin:
        order = json.loads(line)
        if os.fork() == 0:
            _become(order)
    # Whoever asked for them is gone. Killed, it has stopped none, and they would run on for ever.
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            process.kill()


def _become(order: Mapping[str, Any]) -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setsid()
    # Not before: whoever knows the pid may kill the session at once.
    os.write(sys.stdout.fileno(), f"{os.getpid()}\n".encode())
    os.environ.clear()
    os.environ.update(order["environment"])
    nothing = os.open(os.devnull, os.O_RDONLY)
    log = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    for source, target in ((nothing, 0), (log, 1), (log, 2)):
        os.dup2(source, target)
    sys.argv = ["patchbay", *order["arguments"]]
    if clock := os.environ.pop("FAULTS_CLOCK", None):
        SystemClock.now = partialmethod(_wrong, Path(clock))  # type: ignore[method-assign]
    if bug := os.environ.pop("FAULTS_PLANT", None):
        importlib.import_module("tests.faults.planted").plant(bug)
    try:
        importlib.import_module("services.cli.main").main()
    except SystemExit as error:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(error.code if isinstance(error.code, int) else 1)
    os._exit(0)


def _wrong(_: SystemClock, file: Path) -> datetime:
    """Return what the clock of a machine says that is wrong by as many seconds as a file holds."""
    return datetime.now(UTC) + timedelta(seconds=float(file.read_text() or 0))


if __name__ == "__main__":
    _serve()
