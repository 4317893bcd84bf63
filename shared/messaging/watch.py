"""The second pair of eyes: looks at each list now and then, and handles what no doorbell brought.

While doorbells come through it finds nothing, at the price of one index look a list. Once it finds
rows, doorbells are being lost or the broker is away; it then looks often and is less patient,
until it has found nothing for a while.
"""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import monotonic

from sqlalchemy import Connection

from shared.db.engine import Database
from shared.domain.clock import Clock
from shared.domain.errors import PatchbayError
from shared.failpoints import failpoint
from shared.messaging.list_runner import ListRunner
from shared.observability import metrics
from shared.observability.logging import get_logger

#: How often to look, and for how long to go on so, after rows were found.
ALERT_INTERVAL_S = 0.2
ALERT_LASTS_S = 10.0
#: For how long a row must have been ready to be found while on alert.
ALERT_PATIENCE_S = 0.1

log = get_logger()


@dataclass(frozen=True, slots=True)
class Watched:
    """A list: how to tell that rows have been ready since a moment, and who handles them."""

    has_ready: Callable[[Connection, datetime], bool]
    runner: ListRunner


class Watch:
    """Looks at the lists of this process until it is stopped, each on a thread of its own.

    One list that has much to do does not keep the others from being looked at.
    """

    def __init__(
        self, database: Database, clock: Clock, lists: Sequence[Watched], interval_s: float
    ) -> None:
        self._database = database
        self._clock = clock
        self._lists = lists
        self._interval_s = interval_s
        self._alert_until = 0.0
        self._stopping = threading.Event()
        self._threads = [
            threading.Thread(
                target=self._run, args=(watched,), name=f"watch-{watched.runner.name}", daemon=True
            )
            for watched in lists
        ]

    def start(self) -> None:
        """Begin to look; at once, for whatever an earlier life left."""
        for thread in self._threads:
            thread.start()

    def stop(self, timeout_s: float) -> None:
        """Stop looking."""
        self._stopping.set()
        deadline = monotonic() + timeout_s
        for thread in self._threads:
            thread.join(max(0.0, deadline - monotonic()))

    def look(self) -> int:
        """Look once at every list; return how many rows were found and handled."""
        return sum(self._look_at(watched) for watched in self._lists)

    def _look_at(self, watched: Watched) -> int:
        # A row must have been ready for a while: one whose doorbell is on its way is not lost.
        patience_s = ALERT_PATIENCE_S if self._alert else self._interval_s
        with self._database.reading() as connection:
            ready = watched.has_ready(connection, self._clock.now() - timedelta(seconds=patience_s))
        if ready:
            failpoint("watch.found")
        handled = watched.runner() if ready else 0
        if handled:
            metrics.watch_found.labels(watched.runner.name).inc()
            self._alert_until = monotonic() + ALERT_LASTS_S
        return handled

    @property
    def _alert(self) -> bool:
        return monotonic() < self._alert_until

    def _run(self, watched: Watched) -> None:
        while not self._stopping.is_set():
            try:
                self._look_at(watched)
            except PatchbayError as error:
                log.warning("watch.unavailable", list=watched.runner.name, error=error.detail)
            except Exception:
                log.exception("watch.failed", list=watched.runner.name)
            self._stopping.wait(ALERT_INTERVAL_S if self._alert else self._interval_s)
