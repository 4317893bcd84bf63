"""Bulk work leaves live requests their share of the process.

Work on a chunk and the answers to live requests take turns at one interpreter. While live tickets
come in, chunks are handled one at a time, and after each comes a rest as long as the work was: so
at least half of the time belongs to the live ones.
"""

import threading
from collections.abc import Callable
from time import perf_counter

#: The longest rest, in seconds; a chunk that waited long for the database was no burden meanwhile.
LONGEST_REST_S = 1.0


class Pacing:
    """Runs work at its pace. `live` counts what was done for live requests, and never falls."""

    def __init__(self, live: Callable[[], int]) -> None:
        self._live = live
        self._seen = live()
        self._turn = threading.Lock()
        self._pause = threading.Event()

    def __call__(self, work: Callable[[], int]) -> int:
        """Do a piece of work, then rest if live requests were answered meanwhile."""
        if self._live() == self._seen:
            return self._timed(work)
        with self._turn:
            return self._timed(work)

    def _timed(self, work: Callable[[], int]) -> int:
        before, started = self._live(), perf_counter()
        done = work()
        self._seen = self._live()
        if done and self._seen != before:
            self._pause.wait(min(perf_counter() - started, LONGEST_REST_S))
        return done
