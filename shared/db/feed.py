"""The event feed: all events of all tickets, in an order that only ever grows at its end.

What commits later never appears before a place that was already read, and the events of a ticket
come in their sequence. On PostgreSQL that takes holding back what a transaction that is still
running could come before; `docs/adr/0020-the-feed-goes-by-transactions.md` has the argument.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, func, select, tuple_

from shared.db.dialects import Dialect
from shared.db.engine import rows
from shared.db.models import TicketEvent
from shared.db.models.base import table

EVENTS = table(TicketEvent)

#: Events looked through for one page of certain types, so that a rare type costs a bounded time.
SCANNED = 2000


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A place in the feed: behind the event it names, before all that follow."""

    key: int
    ticket_id: str = ""
    sequence: int = 0


BEGINNING = Position(-1)


@dataclass(frozen=True, slots=True)
class FeedEvent:
    """An event and its place; `body` is the JSON text as it was signed and sent."""

    position: Position
    id: str
    type: str
    body: str


@dataclass(frozen=True, slots=True)
class FeedPage:
    """Events in order, where to read on, and whether there is more to read at once."""

    events: Sequence[FeedEvent]
    end: Position
    more: bool


def read(
    connection: Connection,
    dialect: Dialect,
    after: Position,
    limit: int,
    *,
    types: Collection[str] = (),
    ticket_id: str | None = None,
) -> FeedPage:
    """Return up to `limit` events after a place, of all types and tickets unless told otherwise.

    A page of certain types may hold fewer events, even none, while there is more to read.
    """
    window = SCANNED if types else limit
    query = _after(dialect, after, EVENTS.c.id, EVENTS.c.type).limit(window + 1)
    if ticket_id is not None:
        query = query.where(EVENTS.c.ticket_id == ticket_id)
    found = rows(connection, query)
    seen = found[:window]
    wanted = [row for row in seen if not types or row["type"] in types]
    chosen = wanted[:limit]
    if len(wanted) > limit:
        seen = seen[: seen.index(chosen[-1]) + 1]
    more = len(found) > len(seen)
    return FeedPage(_with_bodies(connection, chosen), _position(seen[-1]) if seen else after, more)


def read_tickets(
    connection: Connection, dialect: Dialect, after: Position, limit: int
) -> tuple[list[str], Position, bool]:
    """Return the tickets of the next `limit` events, where to read on, and whether there is more.

    For those who want to know what changed and not how.
    """
    found = rows(connection, _after(dialect, after).limit(limit + 1))
    seen = found[:limit]
    end = _position(seen[-1]) if seen else after
    return list({row["ticket_id"]: None for row in seen}), end, len(found) > limit


def latest(connection: Connection, dialect: Dialect) -> Position:
    """Return the place behind everything that can be read now."""
    return Position(connection.execute(select(dialect.feed_end(EVENTS))).scalar_one())


def lag_s(connection: Connection, dialect: Dialect, now: datetime) -> float:
    """Return how many seconds ago the oldest event happened that is stored and held back.

    It is 0 unless a transaction runs for long, in this database or another of the same cluster.
    """
    held = dialect.feed_key(EVENTS) >= dialect.feed_end(EVENTS)
    oldest = connection.execute(select(func.min(EVENTS.c.occurred_at)).where(held)).scalar_one()
    return max(0.0, (now - oldest).total_seconds()) if oldest is not None else 0.0


def _after(dialect: Dialect, after: Position, *columns: ColumnElement[Any]) -> Select[Any]:
    order = (dialect.feed_key(EVENTS), EVENTS.c.ticket_id, EVENTS.c.sequence)
    key = order[0]
    return (
        select(key.label("key"), EVENTS.c.ticket_id, EVENTS.c.sequence, *columns)
        .where(
            tuple_(*order) > tuple_(after.key, after.ticket_id, after.sequence),
            key < dialect.feed_end(EVENTS),
        )
        .order_by(*order)
    )


def _position(row: dict[str, Any]) -> Position:
    return Position(row["key"], row["ticket_id"], row["sequence"])


def _with_bodies(connection: Connection, chosen: Sequence[dict[str, Any]]) -> list[FeedEvent]:
    if not chosen:
        return []
    query = select(EVENTS.c.id, EVENTS.c.body).where(EVENTS.c.id.in_([r["id"] for r in chosen]))
    bodies = {row.id: row.body for row in connection.execute(query)}
    return [
        FeedEvent(_position(row), row["id"], str(row["type"]), bodies[row["id"]]) for row in chosen
    ]
