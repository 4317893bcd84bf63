"""Tickets that belong together."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import and_, delete, or_, select

from shared.db.engine import Transaction
from shared.db.models import TicketLink
from shared.db.models.base import table
from shared.db.ticket_changes.asked import Asked
from shared.db.ticket_changes.family import MAX_DEPTH, Member
from shared.db.ticket_changes.journal import Change, apply
from shared.domain.errors import Conflict, NotFound
from shared.domain.event import EventType
from shared.domain.link import ROLES, LinkKind

_LINKS = table(TicketLink)

#: Links of one ticket, in both directions.
MAX_LINKS = 1000


def link(
    tx: Transaction, one: Member, other: Member, kind: LinkKind, now: datetime, asked: Asked
) -> bool:
    """Make `other` the `kind` of `one`, both locked; False if it was already.

    Each of the two gets an event. Raises Conflict where a ticket would be its own ancestor, has a
    parent already, or has too many links.
    """
    first, second = _ordered(one, other, kind)
    ids = (first[0]["id"], second[0]["id"])
    if tx.first(select(_LINKS.c.kind).where(_is(ids, kind))):
        return False
    if kind is LinkKind.PARENT:
        _require_no_circle(tx, ids)
    for ticket_id in ids:
        require_room(tx, ticket_id)
    row = {"ticket_id": ids[0], "kind": kind, "other_id": ids[1], "created_at": now}
    tx.insert(_LINKS, [row])
    _tell(tx, first, second, kind, EventType.TICKET_LINKED, now, asked)
    return True


def require_room(tx: Transaction, ticket_id: str, more: int = 1) -> None:
    """Raise Conflict where a ticket would have more links than MAX_LINKS."""
    held = select(_LINKS.c.kind).where(
        or_(_LINKS.c.ticket_id == ticket_id, _LINKS.c.other_id == ticket_id)
    )
    count = len(tx.rows(held.limit(MAX_LINKS)))
    if count + more > MAX_LINKS:
        message = (
            f"The ticket {ticket_id} has {count} links, and {more} more would be beyond the limit "
            f"of {MAX_LINKS}."
        )
        raise Conflict(message)


def unlink(
    tx: Transaction, one: Member, other: Member, kind: LinkKind, now: datetime, asked: Asked
) -> None:
    """Take a link away again; raises NotFound if there is none."""
    first, second = _ordered(one, other, kind)
    ids = (first[0]["id"], second[0]["id"])
    statement = delete(_LINKS).where(_is(ids, kind)).returning(_LINKS.c.kind)
    if tx.execute(statement).first() is None:
        message = f"There is no such link between {one[0]['id']} and {other[0]['id']}."
        raise NotFound(message)
    _tell(tx, first, second, kind, EventType.TICKET_UNLINKED, now, asked)


def _is(ids: Sequence[str], kind: LinkKind) -> Any:
    return and_(_LINKS.c.ticket_id == ids[0], _LINKS.c.kind == kind, _LINKS.c.other_id == ids[1])


def _ordered(one: Member, other: Member, kind: LinkKind) -> tuple[Member, Member]:
    if one[0]["id"] == other[0]["id"]:
        message = "A ticket cannot be linked with itself."
        raise Conflict(message)
    if kind is LinkKind.RELATED and other[0]["id"] < one[0]["id"]:
        return other, one
    return one, other


def _require_no_circle(tx: Transaction, ids: tuple[str, str]) -> None:
    """The index allows one parent, so the way up is a line."""
    child, ancestor = ids
    parent = tx.first(_parent_of(child))
    if parent is not None:
        message = f"The ticket has a parent, {parent['other_id']}; take that link away first."
        raise Conflict(message, parent=parent["other_id"])
    for _ in range(MAX_DEPTH):
        if ancestor == child:
            message = "The ticket would become its own ancestor."
            raise Conflict(message)
        above = tx.first(_parent_of(ancestor))
        if above is None:
            return
        ancestor = above["other_id"]
    message = f"The family would have more than {MAX_DEPTH} generations."
    raise Conflict(message)


def _parent_of(ticket_id: str) -> Any:
    return select(_LINKS.c.other_id).where(
        _LINKS.c.ticket_id == ticket_id, _LINKS.c.kind == LinkKind.PARENT
    )


def _tell(
    tx: Transaction,
    first: Member,
    second: Member,
    kind: LinkKind,
    event: EventType,
    now: datetime,
    asked: Asked,
) -> None:
    changes = []
    for (ticket, assignee), (other, _), role in (
        (first, second, ROLES[kind][0]),
        (second, first, ROLES[kind][1]),
    ):
        data = {"link": {"role": role.value, "ticket_id": other["id"], "number": other["number"]}}
        changes.append(Change(ticket, {}, event, asked.actor, assignee, data, asked.request))
    apply(tx, changes, now)
