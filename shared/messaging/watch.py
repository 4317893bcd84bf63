"""The second pair of eyes: looks at each list now and then, and handles what no doorbell brought.

While doorbells come through it finds nothing, at the price of one index look a list. Once it finds
rows, doorbells are being lost or the broker is away; it then looks often and takes everything that
is ready, until it has found nothing for a while.
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
from shared.messaging.list_runner import ListRunner
from shared.observability import metrics
from shared.observability.logging import get_logger

#: How often to look, and for how long to go on so, after rows were found.
ALERT_INTERVAL_S = 0.2
ALERT_LASTS_S = 10.0

log = get_logger()


@dataclass(frozen=True, slots=True)
class Watched:
    """A list: how to tell that rows have been ready since a moment, and who handles them."""

    has_ready: Callable[[Connection, datetime], bool]
    runner: ListRunner


class Watch:
    """A thread that looks at the lists of this process until it is stopped."""

    def __init__(
        self, database: Database, clock: Clock, lists: Sequence[Watched], interval_s: float
    ) -> None:
        self._database = database
        self._clock = clock
        self._lists = lists
        self._interval_s = interval_s
        self._alert_until = 0.0
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)

    def start(self) -> None:
        """Begin to look; the first look is at once, and takes whatever an earlier life left."""
        self._alert_until = monotonic() + ALERT_INTERVAL_S
        self._thread.start()

    def stop(self, timeout_s: float) -> None:
        """Stop looking."""
        self._stopping.set()
        self._thread.join(timeout_s)

    def look(self) -> int:
        """Look once at every list; return how many rows were found and handled."""
        alert = monotonic() < self._alert_until
        age = timedelta(0) if alert else timedelta(seconds=self._interval_s)
        found = 0
        for watched in self._lists:
            with self._database.reading() as connection:
                ready = watched.has_ready(connection, self._clock.now() - age)
            handled = watched.runner() if ready else 0
            if handled:
                metrics.watch_found.labels(watched.runner.name).inc()
                found += handled
        if found:
            self._alert_until = monotonic() + ALERT_LASTS_S
        return found

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self.look()
            except PatchbayError as error:
                log.warning("watch.unavailable", error=error.detail)
            except Exception:
                log.exception("watch.failed")
            alert = monotonic() < self._alert_until
            self._stopping.wait(ALERT_INTERVAL_S if alert else self._interval_s)
