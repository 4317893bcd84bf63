"""Keeps the search index up with the event feed, and makes it anew.

The feed says which tickets changed; a document is made from what a ticket is now, so doing it twice
does no harm. What is read is read before the transaction that writes, which stays short: while it
is open, the feed of everybody else stands still.
"""

from collections.abc import Iterator

from sqlalchemy import Connection, select, update

from shared.db import feed
from shared.db.engine import Database, Row, Transaction, first
from shared.db.feed import BEGINNING, Position
from shared.db.models import FeedReader
from shared.db.models.base import table
from shared.db.search import sources
from shared.db.search.backends import backend_of
from shared.db.search.document import Document, documents
from shared.domain.clock import Clock
from shared.failpoints import failpoint
from shared.observability import metrics
from shared.observability.logging import get_logger

NAME = "search"

#: Events looked through, and tickets made anew, by one transaction.
BATCH = 500
CHUNK = 200

_READERS = table(FeedReader)

log = get_logger()


class SearchIndexer:
    """One batch at a time; callable, returns whether there is more to do at once."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._backend = backend_of(database)

    def __call__(self) -> bool:
        """Index what the next events tell of. Of two that run at once, one does it in vain."""
        with self._database.reading() as connection:
            now = self._clock.now()
            metrics.feed_lag.set(feed.lag_s(connection, self._database.dialect, now))
            begun, place = _place(connection)
            ids, end, more = feed.read_tickets(connection, self._database.dialect, place, BATCH)
            found = sources.tickets(connection, ids) if ids else []
            made = _made(connection, found)
        if not ids:
            metrics.search_lag.set(0)
            return False
        with self._database.transaction() as tx:
            if not begun:
                tx.insert_new(_READERS, [self._row(BEGINNING)])
            if self._moved(tx, place, end):
                self._backend.replace(tx, [row["number"] for row in found], made)
            failpoint("search.indexed")
        newest = max((row["updated_at"] for row in found), default=now)
        metrics.search_lag.set(max(0.0, (self._clock.now() - newest).total_seconds()))
        return more

    def rebuild(self) -> Iterator[tuple[int, int]]:
        """Make every document anew; yield the number reached and the newest, after each chunk.

        Whoever searches meanwhile finds everything, by old or new documents.
        """
        with self._database.reading() as connection:
            last = sources.newest_number(connection)
        number = 1
        while number <= last:
            with self._database.transaction() as tx:
                # Whoever follows the feed waits, and so does not write what is newer in between.
                tx.insert_new(_READERS, [self._row(BEGINNING)])
                tx.execute(select(_READERS).where(_READERS.c.name == NAME).with_for_update())
                found = sources.tickets_from(tx.connection, number, CHUNK)
                if not found:
                    break
                made = _made(tx.connection, found)
                self._backend.replace(tx, [row["number"] for row in found], made)
            number = found[-1]["number"] + 1
            yield min(number - 1, last), last

    def _moved(self, tx: Transaction, place: Position, end: Position) -> bool:
        """Move on from where the batch began, unless somebody else has."""
        statement = (
            update(_READERS)
            .where(
                _READERS.c.name == NAME,
                _READERS.c.key == place.key,
                _READERS.c.ticket_id == place.ticket_id,
                _READERS.c.sequence == place.sequence,
            )
            .values(**self._row(end))
            .returning(_READERS.c.name)
        )
        return tx.execute(statement).first() is not None

    def _row(self, place: Position) -> Row:
        return {
            "name": NAME,
            "key": place.key,
            "ticket_id": place.ticket_id,
            "sequence": place.sequence,
            "updated_at": self._clock.now(),
        }


def _place(connection: Connection) -> tuple[bool, Position]:
    row = first(connection, select(_READERS).where(_READERS.c.name == NAME))
    if row is None:
        return False, BEGINNING
    return True, Position(row["key"], row["ticket_id"], row["sequence"])


def _made(connection: Connection, found: list[Row]) -> list[Document]:
    if not found:
        return []
    said = sources.comments(connection, [row["id"] for row in found])
    return [made for row in found for made in documents(row, said.get(row["id"], []))]
