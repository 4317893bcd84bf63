"""Which host name may be looked up next, when there are more names than threads. Pure.

The system's resolver cannot be interrupted: a name whose server is silent holds a thread for as
long as that takes, often half a minute. So threads are given by how a name behaved: one that was
slow may have few of them, one that nobody knows yet may not have the last ones, and those are left
to names that were answered promptly. However many subscriptions point to silent servers, the names
of the healthy ones find a thread.
"""

from enum import IntEnum


class Standing(IntEnum):
    """How a name behaved when it was looked up last."""

    PROMPT = 0
    NEW = 1
    SLOW = 2


class Turns:
    """Counts the threads that are held, by the standing of the names that hold them."""

    def __init__(self, threads: int) -> None:
        self._limits = {
            Standing.PROMPT: threads,
            Standing.NEW: max(1, threads * 3 // 4),
            Standing.SLOW: max(1, threads // 4),
        }
        self._held = dict.fromkeys(Standing, 0)

    def may_begin(self, standing: Standing) -> bool:
        """Tell whether a name of this standing may have a thread now.

        What worse names hold counts against it, what better ones hold only against all threads.
        """
        counted = sum(self._held[each] for each in Standing if each >= standing)
        in_all = sum(self._held.values())
        return counted < self._limits[standing] and in_all < self._limits[Standing.PROMPT]

    def begin(self, standing: Standing) -> None:
        """Give a thread to a name."""
        self._held[standing] += 1

    def move(self, before: Standing, after: Standing) -> None:
        """Count a thread that is held as one of a name of another standing."""
        self._held[before] -= 1
        self._held[after] += 1

    def end(self, standing: Standing) -> None:
        """Take a thread back."""
        self._held[standing] -= 1
