"""One reader of the feed for all event streams of a process, and the bound on how many there are.

A stream holds one of the server's threads for as long as it lasts; without a bound, streams would
leave none to answer requests. What was read lately is kept in memory, so that a hundred streams
cost the database what one costs; a stream that is further behind reads by itself until it is not.
"""

import threading
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from time import monotonic

from shared.db import feed
from shared.db.engine import Database
from shared.db.feed import BEGINNING, FeedEvent, Position
from shared.domain.errors import PatchbayError, Unavailable
from shared.observability import metrics
from shared.observability.logging import get_logger

#: How often the feed is looked at while there are streams, in seconds.
POLL_S = 0.2
#: Events read at once.
PAGE = 200
#: How much of the feed's end is kept, in characters of the events' bodies, and for how long, in
#: seconds: what is erased in the database must not be told from memory much later.
KEPT_CHARS = 4_000_000
KEPT_S = 10.0

log = get_logger()


class StreamHub:
    """What the streams of a process share. Starts its thread with the first stream."""

    def __init__(self, database: Database, limit: int) -> None:
        self._database = database
        self._limit = limit
        self._changed = threading.Condition()
        self._streams = 0
        self._reader: threading.Thread | None = None
        self._stopping = threading.Event()
        # All events behind `_tail` and up to `_head` are in `_recent`.
        self._recent: deque[tuple[float, FeedEvent]] = deque()
        self._chars = 0
        self._tail = self._head = BEGINNING

    @contextmanager
    def place(self) -> Iterator[None]:
        """Hold the place of one stream; raises Unavailable if there is none left."""
        with self._changed:
            if self._stopping.is_set():
                raise Unavailable("This process is stopping; connect again.")
            if self._streams >= self._limit:
                raise Unavailable(
                    f"All {self._limit} event streams of this process are in use. Try again later, "
                    "read GET /v1/events instead, or raise PATCHBAY_STREAM_LIMIT."
                )
            self._streams += 1
            metrics.streams.inc()
            if self._reader is None:
                self._reader = threading.Thread(target=self._run, name="stream-hub", daemon=True)
                self._reader.start()
        try:
            yield
        finally:
            with self._changed:
                self._streams -= 1
                metrics.streams.dec()

    @property
    def stopping(self) -> bool:
        """Whether streams should end."""
        return self._stopping.is_set()

    def following(self, after: Position, timeout_s: float) -> list[FeedEvent]:
        """Return the events behind a place, waiting for some if there are none.

        The list is empty after `timeout_s`, or when the process is stopping. Raises Unavailable if
        the database is away while a stream has to catch up.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._stopping.is_set() or self._has(after), timeout_s)
            if self._stopping.is_set() or not self._has(after):
                return []
            if after >= self._tail:
                return [event for _, event in self._recent if event.position > after]
        with self._database.reading() as connection:
            return list(feed.read(connection, self._database.dialect, after, PAGE).events)

    def close(self) -> None:
        """End all streams, soon; there will be no more."""
        self._stopping.set()
        with self._changed:
            self._changed.notify_all()
            reader = self._reader
        if reader is not None and reader is not threading.current_thread():
            reader.join()

    def _has(self, after: Position) -> bool:
        return self._head > after

    def _run(self) -> None:
        begun = False
        while not self._stopping.is_set():
            more = False
            try:
                if begun:
                    more = self._read()
                else:
                    self._begin()
                    begun = True
            except PatchbayError as error:
                log.warning("streams.unavailable", error=error.detail)
            except Exception:
                log.exception("streams.failed")
            if not more:
                self._stopping.wait(POLL_S)
            with self._changed:
                if self._streams == 0:
                    self._reader = None
                    return

    def _begin(self) -> None:
        with self._database.reading() as connection:
            end = feed.latest(connection, self._database.dialect)
        with self._changed:
            self._recent.clear()
            self._chars = 0
            self._tail = self._head = end
            self._changed.notify_all()

    def _read(self) -> bool:
        with self._database.reading() as connection:
            page = feed.read(connection, self._database.dialect, self._head, PAGE)
        with self._changed:
            self._keep(page.events)
            if page.events:
                self._changed.notify_all()
        return page.more

    def _keep(self, events: Sequence[FeedEvent]) -> None:
        now = monotonic()
        for event in events:
            self._recent.append((now, event))
            self._chars += len(event.body)
            self._head = event.position
        while self._recent and (self._chars > KEPT_CHARS or self._recent[0][0] < now - KEPT_S):
            _, dropped = self._recent.popleft()
            self._chars -= len(dropped.body)
            self._tail = dropped.position
