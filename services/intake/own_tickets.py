"""What the key of a requester reaches: that requester's tickets, and nothing else.

Whatever is not theirs is answered as what is not there: whether it is, is nobody's business.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, select

from services.intake.repository import TICKETS
from shared.db.engine import Database
from shared.db.models import Attachment, Comment
from shared.db.models.base import table
from shared.domain.comment import Visibility
from shared.domain.errors import NotFound

_ATTACHMENTS, _COMMENTS = table(Attachment), table(Comment)


def require_own(database: Database, requester_id: str, place: Mapping[str, Any]) -> None:
    """Raise NotFound if `place`, the values in a path, names what is not the requester's.

    That is the ticket of somebody else, what is attached to one, and what is attached to an
    internal comment.
    """
    looks = {"ticket_id": _owns_ticket, "attachment_id": _sees_attachment}
    named = [(name, place[name]) for name in looks if name in place]
    if not named:
        return
    with database.reading() as connection:
        for name, key in named:
            if not looks[name](connection, requester_id, key):
                message = f"There is no {name.removesuffix('_id')} {key!r}."
                raise NotFound(message)


def _owns_ticket(connection: Connection, requester_id: str, ticket_id: str) -> bool:
    query = select(TICKETS.c.id).where(
        TICKETS.c.id == ticket_id, TICKETS.c.requester_id == requester_id
    )
    return connection.execute(query).first() is not None


def _sees_attachment(connection: Connection, requester_id: str, attachment_id: str) -> bool:
    query = (
        select(_ATTACHMENTS.c.comment_id, _COMMENTS.c.visibility)
        .join(TICKETS, TICKETS.c.id == _ATTACHMENTS.c.ticket_id)
        .outerjoin(_COMMENTS, _COMMENTS.c.id == _ATTACHMENTS.c.comment_id)
        .where(_ATTACHMENTS.c.id == attachment_id, TICKETS.c.requester_id == requester_id)
    )
    row = connection.execute(query).first()
    return row is not None and (row.comment_id is None or row.visibility is Visibility.PUBLIC)
