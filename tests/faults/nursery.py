"""Starts processes of `patchbay` cheaply: each is forked from one that has imported everything.

What a start costs is nearly all imports, more than a second of a processor, and the fault tests
start hundreds. A fork of a process that has only imported (`nursery_process.py`) is a real process
of its own in all that matters here: its session, memory, sockets and death.
"""

import atexit
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from deploy.local.processes import Process

ROOT = Path(__file__).parents[2]


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
        [sys.executable, "-m", "tests.faults.nursery_process"],
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
