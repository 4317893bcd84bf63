"""The children of a ticket that is merged become those of the ticket that is left."""

from datetime import datetime

from sqlalchemy import delete, select, update

from shared.db.engine import Transaction
from shared.db.models import TicketLink
from shared.db.models.base import table
from shared.db.ticket_changes.asked import Asked
from shared.db.ticket_changes.family import MAX_FAMILY, ancestors, children_of, members
from shared.db.ticket_changes.journal import Change, TicketRow
from shared.db.ticket_changes.links import require_room
from shared.domain.errors import Conflict
from shared.domain.event import EventType
from shared.domain.link import LinkKind, LinkRole

_LINKS = table(TicketLink)


def adopt(
    tx: Transaction, ticket: TicketRow, into: TicketRow, now: datetime, asked: Asked
) -> list[Change]:
    """Make the children of `ticket` those of `into`, both locked; return what tells them.

    Where `into` descends from `ticket` it takes its place: it gets the parent of `ticket`, and so
    nobody becomes their own ancestor. Raises Conflict if they are too many.
    """
    found = children_of(tx, [ticket["id"]])
    children = [each for each in found if each != into["id"]]
    if len(children) > MAX_FAMILY:
        message = f"The ticket has more than {MAX_FAMILY} children; merge the other one into it."
        raise Conflict(message)
    require_room(tx, into["id"], len(children) + 1)
    if ticket["id"] in ancestors(tx, into["id"]):
        _take_place(tx, ticket["id"], into["id"], now)
    moved = update(_LINKS).where(
        _LINKS.c.kind == LinkKind.PARENT, _LINKS.c.other_id == ticket["id"]
    )
    tx.execute(moved.values(other_id=into["id"]))
    parent = {"ticket_id": into["id"], "number": into["number"]}
    told = {"link": {"role": LinkRole.PARENT.value, **parent}}
    event = EventType.TICKET_LINKED
    return [
        Change(child, {}, event, asked.actor, holder, told, asked.request)
        for child, holder in members(tx, sorted(children))
    ]


def _take_place(tx: Transaction, ticket_id: str, into_id: str, now: datetime) -> None:
    up = select(_LINKS.c.other_id).where(
        _LINKS.c.ticket_id == ticket_id, _LINKS.c.kind == LinkKind.PARENT
    )
    above = tx.execute(up).scalar()
    tx.execute(
        delete(_LINKS).where(_LINKS.c.ticket_id == into_id, _LINKS.c.kind == LinkKind.PARENT)
    )
    if above is not None:
        link = {"ticket_id": into_id, "kind": LinkKind.PARENT, "other_id": above}
        tx.insert(_LINKS, [{**link, "created_at": now}])
