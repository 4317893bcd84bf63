"""Reads the figures of the desk now and then, in one process of all."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from time import perf_counter

from sqlalchemy import Connection

from shared.db import leases
from shared.db.engine import Database
from shared.db.figures import agents, clocks, endpoints, lists, waiting
from shared.observability.figures import READING_SECONDS, Figure, FigureBoard, Sample, board

LEASE_NAME = "figures"

#: How often they are read.
EVERY = timedelta(seconds=15)
#: On a desk where reading takes long it is rarer: at most this part of the time goes into it.
SHARE = 0.02
#: For how many readings a process that died keeps the others from taking over.
KEPT_FOR = 2
#: For how many readings figures are shown that nobody renews.
SHOWN_FOR = 3

_READ: tuple[Callable[[Connection, datetime], dict[Figure, Sequence[Sample]]], ...] = (
    lists.read,
    waiting.read,
    agents.read,
    clocks.read,
    endpoints.read,
)


class FigureReader:
    """A job of the timers of every service; a lease of its own says which of them reads.

    So the figures are there as long as any worker is, and no query is asked once for each process.
    """

    def __init__(self, database: Database, holder: str, onto: FigureBoard = board) -> None:
        self._database = database
        self._holder = holder
        self._board = onto
        self._next_at: datetime | None = None

    def __call__(self, now: datetime) -> None:
        """Read and publish, if this process may and it is time."""
        if self._next_at is not None and now < self._next_at:
            return
        rest = EVERY
        if leases.acquire(self._database, LEASE_NAME, self._holder, now, EVERY * KEPT_FOR):
            found, took_s = self._read(now)
            rest = max(EVERY, timedelta(seconds=took_s / SHARE))
            # Also while the next reading takes as long as this one.
            leases.acquire(self._database, LEASE_NAME, self._holder, now, rest * KEPT_FOR)
            self._board.publish(found, (rest * SHOWN_FOR).total_seconds())
        else:
            self._board.withdraw()
        # The timers come a little late, never early.
        self._next_at = now + rest - timedelta(seconds=1)

    def _read(self, now: datetime) -> tuple[dict[Figure, Sequence[Sample]], float]:
        began = perf_counter()
        found: dict[Figure, Sequence[Sample]] = {}
        with self._database.reading() as connection:
            for read in _READ:
                found |= read(connection, now)
        took_s = perf_counter() - began
        found[READING_SECONDS] = [((), took_s)]
        return found, took_s
