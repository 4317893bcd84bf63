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


def open_children(tx: Transaction, ticket_id: str) -> list[Member]:
    """Lock and return all descendants of a ticket; raises Conflict if they are too many."""
    found: list[Member] = []
    level, seen = [ticket_id], {ticket_id}
    while level:
        query = select(_LINKS.c.ticket_id).where(
            _LINKS.c.kind == LinkKind.PARENT, _LINKS.c.other_id.in_(level)
        )
        level = [child for child in tx.execute(query).scalars() if child not in seen]
        seen.update(level)
        if len(seen) > MAX_FAMILY:
            message = f"The ticket has more than {MAX_FAMILY} children; send `children`: `leave`."
            raise Conflict(message)
        found += members(tx, level)
    return found
