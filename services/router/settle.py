"""Tickets on the routing list that somebody has already: offers that ran out, changed needs."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial

from services.router.configuration import Configuration
from services.router.faults import without_failing
from services.router.matching import MatchingTable, Wanted
from services.router.model import Candidate, Context
from services.router.planning import plan
from services.router.pool import Pool
from shared.db import ticket_changes
from shared.db.engine import Row, Transaction
from shared.db.ticket_changes import Kept
from shared.domain.ticket import TicketStatus

#: Filters that say whether somebody may have a ticket at all, not whether now is a good moment.
PASSING_FILTERS = frozenset({"presence", "shift", "capacity", "excluded"})


def settle(
    tx: Transaction,
    configuration: Configuration,
    pool: Pool,
    tickets: Sequence[Row],
    now: datetime,
    actor: str,
) -> tuple[list[Row], bool]:
    """Return the tickets that look for an agent, and whether others will in a moment.

    A ticket that is offered is here because the time to answer is over. A ticket that is assigned
    is here because a field changed that rules had looked at: it stays where it is if its agent
    still fits, and goes back otherwise.
    """
    looking: list[Row] = []
    expired: list[tuple[Row, dict[str, str]]] = []
    kept: list[Kept] = []
    lost: list[tuple[Row, dict[str, str]]] = []
    for ticket in tickets:
        holder = _agent(pool, ticket["offered_to"] or ticket["assignee_id"])
        if ticket["offered_to"] is not None and holder is not None:
            expired.append((ticket, _identity(holder)))
        elif ticket["status"] is TicketStatus.OPEN and holder is not None:
            fits, configuration = without_failing(
                configuration, partial(_still_fits, pool, ticket, holder, now)
            )
            if fits:
                columns = plan(configuration, ticket, pool, now).columns
                kept.append(Kept(ticket, _identity(holder), columns))
            else:
                lost.append((ticket, _identity(holder)))
        else:
            looking.append(ticket)
    ticket_changes.decline(tx, expired, now, actor, expired=True)
    ticket_changes.keep(tx, kept, now, actor)
    ticket_changes.take_back(tx, lost, now, actor)
    return looking, bool(expired or lost)


def _agent(pool: Pool, agent_id: str | None) -> Candidate | None:
    position = pool.facts.positions.get(agent_id or "")
    return None if position is None else pool.candidates[position]


def _identity(agent: Candidate) -> dict[str, str]:
    return {"id": agent.id, "name": agent.name, "email": agent.email}


def _still_fits(
    pool: Pool, ticket: Row, holder: Candidate, now: datetime, configuration: Configuration
) -> bool:
    planned = plan(configuration, ticket, pool, now)
    pipeline = planned.strategy.pipeline.only(lambda name: name not in PASSING_FILTERS)
    table = MatchingTable(pool.copy(), Context(now), pool.named((holder.id,)))
    return table.choose(Wanted(planned.subject, pipeline)).winner is not None
