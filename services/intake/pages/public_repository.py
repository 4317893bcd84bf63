"""Intake's SQL for the status page: what of a ticket is for its requester's eyes."""

from collections.abc import Sequence

from sqlalchemy import Connection, or_, select

from services.intake.attachments.repository import ATTACHMENTS
from services.intake.repository import TICKETS, Rows
from shared.db.engine import Row, rows
from shared.db.models import Comment, TicketEvent
from shared.db.models.base import table
from shared.db.types import load_json
from shared.domain.comment import Visibility
from shared.domain.errors import NotFound
from shared.domain.event import EventType

_COMMENTS, _EVENTS = table(Comment), table(TicketEvent)

#: Messages on a page; of more the last ones are shown.
MAX_MESSAGES = 200


def public_comments(connection: Connection, ticket_id: str) -> Rows:
    """Return the last public comments, one more than MAX_MESSAGES at the most, oldest first.

    What was said under a ticket that was merged into this one is left out: anybody can write a
    ticket in somebody's name, and merging must not hand them the true one's conversation.
    """
    query = (
        select(_COMMENTS)
        .where(
            _COMMENTS.c.ticket_id == ticket_id,
            _COMMENTS.c.visibility == Visibility.PUBLIC,
            _COMMENTS.c.merged_from_id.is_(None),
        )
        .order_by(_COMMENTS.c.id.desc())
        .limit(MAX_MESSAGES + 1)
    )
    return rows(connection, query)[::-1]


def number_of(connection: Connection, ticket_id: str | None) -> int | None:
    """Return the number of a ticket."""
    if ticket_id is None:
        return None
    query = select(TICKETS.c.number).where(TICKETS.c.id == ticket_id)
    found: int | None = connection.execute(query).scalar()
    return found


def public_attachments(
    connection: Connection, ticket_id: str, comment_ids: Sequence[str]
) -> dict[str | None, Rows]:
    """Return the attachments for the requester's eyes by comment, None for the ticket's own.

    Those of the given comments, and those that came with the ticket: what the desk attached later
    may be for itself, and what came by merging is another's.
    """
    query = (
        select(ATTACHMENTS)
        .where(
            ATTACHMENTS.c.ticket_id == ticket_id,
            or_(
                ATTACHMENTS.c.id.in_(_came_with(connection, ticket_id)),
                ATTACHMENTS.c.comment_id.in_(comment_ids),
            ),
        )
        .order_by(ATTACHMENTS.c.id)
    )
    found: dict[str | None, Rows] = {}
    for row in rows(connection, query):
        found.setdefault(row["comment_id"], []).append(row)
    return found


def _came_with(connection: Connection, ticket_id: str) -> list[str]:
    """Return the ids of attachments that were made with the ticket, told in the same moment."""
    query = (
        select(_EVENTS.c.type, _EVENTS.c.occurred_at, _EVENTS.c.body)
        .where(_EVENTS.c.ticket_id == ticket_id, _EVENTS.c.sequence <= 2)
        .order_by(_EVENTS.c.sequence)
    )
    events = rows(connection, query)
    if len(events) < 2 or events[1]["type"] is not EventType.TICKET_ATTACHED:
        return []
    if events[0]["occurred_at"] != events[1]["occurred_at"]:
        return []
    return [each["id"] for each in load_json(events[1]["body"])["data"]["attachments"]]


def public_attachment(connection: Connection, ticket_id: str, attachment_id: str) -> Row:
    """Return one of them; raises NotFound."""
    comment_ids = [row["id"] for row in public_comments(connection, ticket_id)]
    for each in public_attachments(connection, ticket_id, comment_ids).values():
        for row in each:
            if row["id"] == attachment_id:
                return row
    message = f"The ticket has no attachment {attachment_id!r} for its requester."
    raise NotFound(message)
