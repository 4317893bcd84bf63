"""Intake's SQL for the status page: what of a ticket is for its requester's eyes."""

from sqlalchemy import Connection, select

from services.intake.repository import TICKETS, Rows
from shared.db.engine import rows
from shared.db.models import Comment
from shared.db.models.base import table
from shared.domain.comment import Visibility

_COMMENTS = table(Comment)

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
