"""Intake's SQL for what hangs on a ticket: comments and links."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, case, or_, select

from services.intake.repository import TICKETS, Rows, one
from shared.db import ticket_changes
from shared.db.engine import Row, first, rows
from shared.db.models import Attachment, Comment, TicketLink
from shared.db.models.base import table
from shared.domain.comment import Visibility
from shared.domain.errors import NotFound
from shared.domain.link import ROLES

_COMMENTS, _LINKS, _ATTACHMENTS = table(Comment), table(TicketLink), table(Attachment)


def comments(
    connection: Connection,
    ticket_id: str,
    after: str,
    limit: int,
    visible: Sequence[Visibility],
) -> Rows:
    """Return a ticket's comments after an id, oldest first; raises NotFound."""
    one(connection, TICKETS, ticket_id, "ticket")
    query = (
        select(_COMMENTS)
        .where(
            _COMMENTS.c.ticket_id == ticket_id,
            _COMMENTS.c.id > after,
            _COMMENTS.c.visibility.in_(visible),
        )
        .order_by(_COMMENTS.c.id)
        .limit(limit)
    )
    return rows(connection, query)


def comment(
    connection: Connection, ticket_id: str, comment_id: str, visible: Sequence[Visibility]
) -> Row:
    """Return one comment of a ticket; raises NotFound."""
    query = select(_COMMENTS).where(
        _COMMENTS.c.id == comment_id,
        _COMMENTS.c.ticket_id == ticket_id,
        _COMMENTS.c.visibility.in_(visible),
    )
    row = first(connection, query)
    if row is None:
        message = f"The ticket {ticket_id!r} has no comment {comment_id!r}."
        raise NotFound(message)
    return row


def attached(connection: Connection, comment_ids: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
    """Return the attachments of comments, as documents, by the comment's id."""
    query = (
        select(_ATTACHMENTS)
        .where(_ATTACHMENTS.c.comment_id.in_(comment_ids))
        .order_by(_ATTACHMENTS.c.id)
    )
    found = defaultdict(list)
    for row in rows(connection, query):
        found[row["comment_id"]].append(ticket_changes.attachment_document(row))
    return found


def linked(connection: Connection, ticket_id: str) -> Rows:
    """Return the tickets that one is linked with, by role and id; raises NotFound.

    All of them: `shared.db.ticket_changes.links` bounds how many there are.
    """
    one(connection, TICKETS, ticket_id, "ticket")
    holds = _LINKS.c.ticket_id == ticket_id
    other = case((holds, _LINKS.c.other_id), else_=_LINKS.c.ticket_id)
    query = (
        select(
            _LINKS.c.kind,
            holds.label("holds"),
            TICKETS.c.id.label("ticket_id"),
            TICKETS.c.number,
            TICKETS.c.subject,
            TICKETS.c.status,
            TICKETS.c.priority,
        )
        .join(TICKETS, TICKETS.c.id == other)
        .where(or_(holds, _LINKS.c.other_id == ticket_id))
    )
    found = [
        {**row, "role": ROLES[row["kind"]][0 if row["holds"] else 1]}
        for row in rows(connection, query)
    ]
    return sorted(found, key=lambda row: (row["role"], row["ticket_id"]))
