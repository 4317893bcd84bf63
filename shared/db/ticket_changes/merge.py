"""Two tickets that are about the same become one."""

from datetime import datetime
from typing import Any

from sqlalchemy import func, insert, update

from shared.db.engine import Transaction
from shared.db.models import Comment, TicketLink
from shared.db.models.base import table
from shared.db.ticket_changes.adopt import adopt
from shared.db.ticket_changes.asked import Asked
from shared.db.ticket_changes.assign import end_assignments
from shared.db.ticket_changes.attach import ATTACHMENTS
from shared.db.ticket_changes.family import Member
from shared.db.ticket_changes.journal import Change, TicketRow, apply
from shared.domain.agent import AssignmentEnd
from shared.domain.comment import AuthorKind, Visibility
from shared.domain.errors import Conflict
from shared.domain.event import EventType
from shared.domain.ids import Prefix, new_id
from shared.domain.link import LinkKind, LinkRole
from shared.domain.ticket import OPEN_STATUSES, PAUSED_STATUSES, TicketStatus
from shared.domain.work import WorkState

_COMMENTS, _LINKS = table(Comment), table(TicketLink)

_GONE = frozenset({TicketStatus.MERGED, TicketStatus.SPAM})


def merge(
    tx: Transaction, source: Member, target: Member, now: datetime, asked: Asked
) -> dict[str, Any]:
    """Merge the first ticket into the second, both locked; return the second's document.

    The source ends as `merged`; its comments and attachments, and its own text as an internal
    comment, stand under the target from now on, and its children are the target's. What is said
    under the source later is answered by where to say it. What another requester's ticket said to
    its own stays internal there. Raises Conflict if one of the two is merged or spam already, the
    target is over, or the target would have too many links.
    """
    (ticket, holder), (into, into_holder) = source, target
    if ticket["id"] == into["id"]:
        message = "A ticket cannot be merged into itself."
        raise Conflict(message)
    for each in (ticket, into):
        if each["status"] in _GONE:
            message = f"The ticket {each['id']} is {each['status'].value}."
            raise Conflict(message, ticket_status=each["status"].value)
    if into["status"] not in OPEN_STATUSES | PAUSED_STATUSES:
        message = f"The ticket {into['id']} is {into['status'].value}; reopen it first."
        raise Conflict(message, ticket_status=into["status"].value)
    adopted = adopt(tx, ticket, into, now, asked)
    end_assignments(tx, [ticket["id"]], AssignmentEnd.MERGED, now)
    _move_words(tx, ticket, into, now)
    made = {"ticket_id": ticket["id"], "kind": LinkKind.MERGED, "other_id": into["id"]}
    tx.insert(_LINKS, [{**made, "created_at": now}])
    values = {
        "status": TicketStatus.MERGED,
        "merged_into_id": into["id"],
        "closed_at": now,
        "hold": None,
        "life_due_at": None,
        "offered_to": None,
        "signature": None,
        "work_state": WorkState.DONE,
    }
    told = {"into": {"id": into["id"], "number": into["number"]}}
    linked = {
        "link": {
            "role": LinkRole.MERGED_FROM.value,
            "ticket_id": ticket["id"],
            "number": ticket["number"],
        }
    }
    spent = {"time_spent_s": into["time_spent_s"] + ticket["time_spent_s"]}
    merged, request = EventType.TICKET_MERGED, asked.request
    changes = [
        Change(ticket, values, merged, asked.actor, holder, told, request),
        Change(into, spent, EventType.TICKET_LINKED, asked.actor, into_holder, linked, request),
    ]
    return apply(tx, [*changes, *adopted], now)[1]


def _move_words(tx: Transaction, ticket: TicketRow, into: TicketRow, now: datetime) -> None:
    """Move comments and files; those of another requester's ticket are internal from now on."""
    foreign = ticket["requester_id"] != into["requester_id"]
    text = _text_of(ticket, into["id"], now)
    origin = func.coalesce(_COMMENTS.c.merged_from_id, ticket["id"])
    moved = {"ticket_id": into["id"], "merged_from_id": origin}
    if foreign:
        moved["visibility"] = Visibility.INTERNAL
    tx.execute(update(_COMMENTS).where(_COMMENTS.c.ticket_id == ticket["id"]).values(**moved))
    tx.execute(insert(_COMMENTS).values(**text))
    files = {"ticket_id": into["id"]}
    if foreign:
        # A file is as public as what it came with, so these come with the text of their ticket.
        files["comment_id"] = func.coalesce(ATTACHMENTS.c.comment_id, text["id"])
    mine = update(ATTACHMENTS).where(ATTACHMENTS.c.ticket_id == ticket["id"])
    tx.execute(mine.values(**files))


def _text_of(ticket: Any, into_id: str, now: datetime) -> dict[str, Any]:
    text = f"#{ticket['number']}: {ticket['subject']}\n\n{ticket['description']}".rstrip()
    return {
        "id": new_id(Prefix.COMMENT),
        "ticket_id": into_id,
        "author_kind": AuthorKind.REQUESTER,
        "author_id": ticket["requester_id"],
        "author_name": ticket["requester"].get("name"),
        "visibility": Visibility.INTERNAL,
        "body": text,
        "time_spent_s": 0,
        "merged_from_id": ticket["id"],
        "created_at": now,
    }
