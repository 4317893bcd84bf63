"""What is said about a ticket, and what it sets in motion."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shared.db.engine import Transaction
from shared.db.models import Comment
from shared.db.models.base import table
from shared.db.ticket_changes.asked import Asked
from shared.db.ticket_changes.attach import bind_uploads
from shared.db.ticket_changes.journal import Assignee, Change, TicketRow, apply
from shared.db.ticket_changes.life import transition
from shared.domain.attachment import AttachmentRules
from shared.domain.comment import AuthorKind, Visibility
from shared.domain.errors import Conflict
from shared.domain.event import EventType
from shared.domain.ids import Prefix, new_id
from shared.domain.lifecycle import LifeRules, Transition, require_reopenable
from shared.domain.ticket import TicketStatus
from shared.schemas.base import plain_dump
from shared.schemas.comment import CommentSchema

_COMMENTS = table(Comment)
_dump = plain_dump(CommentSchema())

#: What an answer of the requester does to a ticket that stands still.
_ANSWERED = {
    TicketStatus.PENDING_CUSTOMER: Transition.RESUME,
    TicketStatus.RESOLVED: Transition.REOPEN,
    TicketStatus.CLOSED: Transition.REOPEN,
    TicketStatus.CANCELLED: Transition.REOPEN,
}


@dataclass(frozen=True, slots=True)
class Author:
    """Who says it; `id` is an agent's or a requester's."""

    kind: AuthorKind
    id: str | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True)
class NewComment:
    """What is said, to whom, and how long the work took that it tells of."""

    author: Author
    body: str
    visibility: Visibility = Visibility.PUBLIC
    time_spent_s: int = 0
    #: Ids of uploads that come with it.
    uploads: Sequence[str] = ()

    @property
    def answers(self) -> bool:
        """Whether the requester says it, to the desk."""
        return self.author.kind is AuthorKind.REQUESTER


def comment(
    tx: Transaction,
    ticket: TicketRow,
    assignee: Assignee | None,
    said: NewComment,
    now: datetime,
    asked: Asked,
    rules: LifeRules,
    files: AttachmentRules,
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Add a comment to a locked ticket; return it and the ticket, as documents.

    An answer of the requester lets a pending ticket go on, and reopens one that was resolved.
    Raises Conflict for a ticket that was merged, InvalidTransition where reopening comes too late:
    then a follow-up is the way; InvalidInput or TooLarge for what it attaches.
    """
    if ticket["status"] is TicketStatus.MERGED:
        message = "The ticket was merged into another; say it there."
        raise Conflict(message, merged_into=ticket["merged_into_id"])
    step = _ANSWERED.get(ticket["status"]) if said.answers else None
    if step is Transition.REOPEN:
        ended_at = ticket["resolved_at"] or ticket["closed_at"]
        require_reopenable(ticket["status"], ended_at, asked.role, now, rules)
    row = _row(ticket["id"], said, now)
    attached = bind_uploads(tx, ticket["id"], said.uploads, files, now, asked.actor, row["id"])
    tx.insert(_COMMENTS, [row])
    values: dict[str, Any] = {"time_spent_s": ticket["time_spent_s"] + said.time_spent_s}
    if not said.answers and ticket["assignee_id"] is not None:
        values["touched_at"] = now
    data = {"comment": comment_document(row, attached)}
    event = EventType.TICKET_COMMENTED
    change = Change(ticket, values, event, asked.actor, assignee, data, asked.request)
    document = apply(tx, [change], now)[0]
    if step is not None:
        later = {**ticket, **values, "version": document["version"], "updated_at": now}
        document = transition(tx, later, assignee, step, {}, now, asked, rules)
    return data["comment"], document


def comment_document(
    row: Mapping[str, Any], attachments: Sequence[Mapping[str, Any]] = ()
) -> dict[str, Any]:
    """Return a row of comments in wire form, as `shared.schemas.comment` defines it."""
    author = {"kind": row["author_kind"], "id": row["author_id"], "name": row["author_name"]}
    return _dump({**row, "author": author, "attachments": list(attachments)})


def _row(ticket_id: str, said: NewComment, now: datetime) -> dict[str, Any]:
    return {
        "id": new_id(Prefix.COMMENT),
        "ticket_id": ticket_id,
        "author_kind": said.author.kind,
        "author_id": said.author.id,
        "author_name": said.author.name,
        "visibility": said.visibility,
        "body": said.body,
        "time_spent_s": said.time_spent_s,
        "merged_from_id": None,
        "created_at": now,
    }
