"""A ticket's family: the children, and theirs."""

from typing import Any

from sqlalchemy import select

from shared.db.engine import Transaction
from shared.db.models import Agent, Ticket, TicketLink
from shared.db.models.base import table
from shared.db.ticket_changes.journal import Assignee, TicketRow
from shared.domain.errors import Conflict
from shared.domain.link import LinkKind

#: A ticket and who has it.
Member = tuple[TicketRow, Assignee | None]

#: How far up a family is looked for a circle.
MAX_DEPTH = 20

#: More than this is a project, and would hold too many locks in one transaction.
MAX_FAMILY = 500

_TICKETS, _LINKS, _AGENTS = table(Ticket), table(TicketLink), table(Agent)


def members(tx: Transaction, ids: list[str]) -> list[Member]:
    """Lock tickets, in the order of their ids, and return them with whoever has them."""
    if not ids:
        return []
    query = (
        select(_TICKETS)
        .where(_TICKETS.c.id.in_(ids))
        .order_by(_TICKETS.c.id)
        .with_for_update(key_share=True)
    )
    found = tx.rows(query)
    holders = sorted({row["assignee_id"] for row in found if row["assignee_id"]})
    names: dict[str, dict[str, Any]] = {}
    if holders:
        columns = select(_AGENTS.c.id, _AGENTS.c.name, _AGENTS.c.email)
        names = {row["id"]: row for row in tx.rows(columns.where(_AGENTS.c.id.in_(holders)))}
    return [(row, names.get(row["assignee_id"])) for row in found]


def lock_family(tx: Transaction, ticket_id: str) -> None:
    """Lock a ticket and all its descendants in the order of their ids.

    Whoever goes down a family locks the parent first, whoever links or merges the lower id: the two
    could wait for each other in a circle. Too large a family is left to `open_children` to refuse.
    """
    seen, level = {ticket_id}, [ticket_id]
    while level and len(seen) <= MAX_FAMILY:
        level = [child for child in children_of(tx, level) if child not in seen]
        seen.update(level)
    if 1 < len(seen) <= MAX_FAMILY:
        members(tx, sorted(seen))


def ancestors(tx: Transaction, ticket_id: str) -> list[str]:
    """Return the ids of a ticket's parent, its parent and so on, as they are now."""
    found = [ticket_id]
    while len(found) <= MAX_DEPTH:
        query = select(_LINKS.c.other_id).where(
            _LINKS.c.ticket_id == found[-1], _LINKS.c.kind == LinkKind.PARENT
        )
        above = tx.execute(query).scalar()
        if above is None or above in found:
            break
        found.append(above)
    return found[1:]


def children_of(tx: Transaction, ids: list[str]) -> list[str]:
    """Return the ids of the children of tickets, as they are now."""
    query = select(_LINKS.c.ticket_id).where(
        _LINKS.c.kind == LinkKind.PARENT, _LINKS.c.other_id.in_(ids)
    )
    return list(tx.execute(query).scalars())


def open_children(tx: Transaction, ticket_id: str) -> list[Member]:
    """Lock and return all descendants of a ticket; raises Conflict if they are too many."""
    found: list[Member] = []
    level, seen = [ticket_id], {ticket_id}
    while level:
        level = [child for child in children_of(tx, level) if child not in seen]
        seen.update(level)
        if len(seen) > MAX_FAMILY:
            message = f"The ticket has more than {MAX_FAMILY} children; send `children`: `leave`."
            raise Conflict(message)
        found += members(tx, level)
    return found
