"""What documents are made of: tickets as they are now, and what was said about them."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, func, select

from shared.db.engine import Row, rows
from shared.db.models import Comment, Ticket
from shared.db.models.base import table

_TICKETS, _COMMENTS = table(Ticket), table(Comment)

#: Comments of a ticket that can be found, the newest, and how much of each, in characters.
MAX_COMMENTS, MAX_COMMENT_CHARS = 200, 20_000

COLUMNS = tuple(
    _TICKETS.c[name]
    for name in (
        "id",
        "number",
        "subject",
        "description",
        "steps_to_reproduce",
        "error_messages",
        "requester",
        "status",
        "priority",
        "type",
        "channel",
        "team",
        "tags",
        "category",
        "product",
        "requester_id",
        "assignee_id",
        "created_at",
        "updated_at",
    )
)


def tickets(connection: Connection, ids: Sequence[str]) -> list[Row]:
    """Return tickets by id, with what is searched and shown of them."""
    return rows(connection, select(*COLUMNS).where(_TICKETS.c.id.in_(ids)))


def tickets_from(connection: Connection, number: int, limit: int) -> list[Row]:
    """Return the tickets from a number on, by number."""
    query = select(*COLUMNS).where(_TICKETS.c.number >= number).order_by(_TICKETS.c.number)
    return rows(connection, query.limit(limit))


def newest_number(connection: Connection) -> int:
    """Return the highest number of a ticket, 0 if there is none."""
    return int(
        connection.execute(select(func.coalesce(func.max(_TICKETS.c.number), 0))).scalar_one()
    )


def comments(connection: Connection, ids: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
    """Return the newest comments of tickets, cut to length, the newest first."""
    place = func.row_number().over(
        partition_by=_COMMENTS.c.ticket_id, order_by=_COMMENTS.c.id.desc()
    )
    numbered = (
        select(
            _COMMENTS.c.id,
            _COMMENTS.c.ticket_id,
            _COMMENTS.c.visibility,
            func.substr(_COMMENTS.c.body, 1, MAX_COMMENT_CHARS).label("body"),
            place.label("place"),
        )
        .where(_COMMENTS.c.ticket_id.in_(ids))
        .subquery()
    )
    query = select(numbered).where(numbered.c.place <= MAX_COMMENTS).order_by(numbered.c.id.desc())
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in rows(connection, query):
        found[row["ticket_id"]].append(row)
    return found
