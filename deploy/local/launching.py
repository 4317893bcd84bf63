"""Launches a server's process so that it outlives whoever launched it."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from deploy.local.processes import Process


def launch(
    command: Sequence[str], log: Path, environment: Mapping[str, str], directory: Path = Path("/")
) -> Process:
    """Launch a program in a session of its own, with its output appended to ``log``.

    The session keeps the caller's Ctrl-C away from it. It is spawned without ``subprocess``, whose
    objects complain when they are dropped before their process ends, as a server's usually are.
    A program that does not exist shows as a process that has ended, with the reason in the log.
    """
    append = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    pid = os.posix_spawnp(
        "env",
        # env(1) changes to the directory (ours is perhaps one that the server's account cannot
        # enter) and then becomes the program: the pid stays.
        ["env", f"--chdir={directory}", *command],
        environment,
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, os.fspath(log), append, 0o644),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ],
        setsid=True,
    )
    return Process.of(pid)
