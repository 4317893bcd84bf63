"""Kills the processes of a proof when whoever started them is gone, even by SIGKILL.

A process of its own, in a session of its own, that reads a pipe: `+7` and `-7` begin and end its
care for process group 7. The pipe ends with whoever wrote it; then every group that is left gets a
SIGKILL, which also reaches what stands still. (PR_SET_PDEATHSIG would reach the first process of a
group only, and not what that has forked.)

It runs as a file, so that it imports nothing but what is named here.
"""

import os
import signal
import subprocess
import sys
from typing import BinaryIO, Self

#: How long it may take to end once it is told to, in seconds.
END_S = 10.0


class Guard:
    """Watches over process groups until the end of its context."""

    def __init__(self) -> None:
        self._popen = subprocess.Popen(
            [sys.executable, "-I", __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """End it; what it still watches over is killed."""
        assert self._popen.stdin is not None  # noqa: S101 -- it was asked for
        self._popen.stdin.close()
        self._popen.wait(END_S)

    def begin(self, group: int) -> None:
        """Watch over a process group."""
        self._tell(f"+{group}\n")

    def end(self, group: int) -> None:
        """Forget one; said before the number is given back, so that it is nobody else's yet."""
        self._tell(f"-{group}\n")

    def _tell(self, line: str) -> None:
        assert self._popen.stdin is not None  # noqa: S101 -- it was asked for
        self._popen.stdin.write(line.encode())
        self._popen.stdin.flush()


def watch(pipe: BinaryIO) -> None:
    """Read to the end, then kill every group that is left."""
    groups: set[int] = set()
    for line in pipe:
        change = groups.add if line.startswith(b"+") else groups.discard
        change(int(line[1:]))
    for group in groups:
        try:
            os.killpg(group, signal.SIGKILL)
        except ProcessLookupError:
            continue


if __name__ == "__main__":
    watch(sys.stdin.buffer)
