"""Following the feed, and making something to follow, below the API."""

import itertools
from datetime import UTC, datetime

from sqlalchemy import select

from shared.db import feed, ticket_changes
from shared.db.engine import Database, Transaction
from shared.db.feed import BEGINNING, FeedEvent, Position
from shared.db.models import Ticket
from shared.db.models.base import table
from shared.db.ticket_changes import NewTicket
from shared.db.ticket_changes.journal import Change, apply
from shared.domain.event import EventType
from tests.factories import NOW, ticket_content
from tests.waiting import eventually

TICKETS = table(Ticket)

_numbers = itertools.count(1)


def create(tx: Transaction, **content: object) -> str:
    """Make a ticket of somebody of whom there was none before; return its id."""
    requester = {"name": "Mira Petrova", "email": f"mira-{next(_numbers)}@example.com"}
    content = {"requester": requester, **content}
    new = NewTicket(ticket_content(**content), "test", "req_test")
    [document] = ticket_changes.create(tx, [new], NOW)
    tx.execute(select(1))  # sends what is pending
    return str(document["id"])


def touch(tx: Transaction, ticket_id: str) -> None:
    """Append an event to a ticket, under its lock."""
    query = select(TICKETS).where(TICKETS.c.id == ticket_id).with_for_update(key_share=True)
    [ticket] = tx.rows(query)
    apply(tx, [Change(ticket, {}, EventType.TICKET_UPDATED, "test", None)], NOW)
    tx.execute(select(1))


def settled(database: Database) -> None:
    """Wait until everything that is committed can be read.

    Tests that run beside this one use the same PostgreSQL, and what they write holds the feed back.
    """
    later = datetime(9000, 1, 1, tzinfo=UTC)

    def nothing_held() -> bool:
        with database.reading() as connection:
            return feed.lag_s(connection, database.dialect, later) == 0

    eventually(nothing_held)


class Follower:
    """Reads the feed page by page and keeps what came."""

    def __init__(self, database: Database, limit: int = 7) -> None:
        self.database = database
        self.limit = limit
        self.position: Position = BEGINNING
        self.events: list[FeedEvent] = []

    def all(self) -> list[tuple[str, int]]:
        """Wait until all that is committed can be read, and read it."""
        settled(self.database)
        return self.read()

    def read(self) -> list[tuple[str, int]]:
        """Read all there is now; return ticket and sequence of what is new."""
        before = len(self.events)
        more = True
        while more:
            with self.database.reading() as connection:
                page = feed.read(connection, self.database.dialect, self.position, self.limit)
            self.events += page.events
            self.position, more = page.end, page.more
        return self.names()[before:]

    def names(self) -> list[tuple[str, int]]:
        return [(event.position.ticket_id, event.position.sequence) for event in self.events]
