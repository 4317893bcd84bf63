"""Starts processes of `patchbay` cheaply: each is forked from one that has imported everything.

What a start costs is nearly all imports, more than a second of a processor, and the fault tests
start hundreds. A fork of a process that has only imported is a real process of its own in all that
matters here: its session, memory, sockets and death. `python -m tests.faults.nursery` reads a line
of JSON for each start and answers with the pid. At the end of its input it kills what still runs.
"""

import atexit
import gc
import importlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache, partialmethod
from pathlib import Path
from typing import Any

from deploy.local.processes import Process, kill_all
from shared.domain.clock import SystemClock

ROOT = Path(__file__).parents[2]

_IMPORTED = (
    "services.cli.main",
    "services.cli.serve",
    "services.cli.router",
    "services.cli.notifier",
    "services.intake.wsgi",
    "services.standalone",
)


def start(
    arguments: Sequence[str], environment: Mapping[str, str], log: Path, release: Path = ROOT
) -> Process:
    """Start `patchbay` with these arguments, in a session of its own, and write to the log.

    `release` is the folder whose `services` and `shared` it runs.
    """
    order = {"arguments": [*arguments], "environment": dict(environment), "log": str(log)}
    nursery = _nursery(release)
    assert nursery.stdin is not None
    assert nursery.stdout is not None
    nursery.stdin.write(json.dumps(order) + "\n")
    nursery.stdin.flush()
    return Process.of(int(nursery.stdout.readline()))


@cache
def _nursery(release: Path) -> subprocess.Popen[str]:
    """Return the one of this process and a release; it ends with us, as its input does."""
    inherited = {name: value for name, value in os.environ.items() if "PATCHBAY_" not in name}
    nursery = subprocess.Popen(
        [sys.executable, "-m", "tests.faults.nursery"],
        # The folder goes before the path; what starts the processes is always of today.
        cwd=release,
        env={**inherited, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        # Ctrl-C is for pytest, which stops what it started.
        start_new_session=True,
    )
    atexit.register(nursery.communicate)
    return nursery


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
    kill_all(Process.of(os.getpid()).tree()[1:])


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
