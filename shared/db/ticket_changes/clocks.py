"""Clocks that time moves: warnings and breaches that fell due, and policies that changed."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, select

from shared.db.engine import Row, Transaction
from shared.db.models import Agent, Ticket
from shared.db.models.base import table
from shared.db.ticket_changes.journal import CLOCK, TIME_TOLD_BY, Change, apply, time_event
from shared.domain.event import EventType
from shared.domain.sla import moved

_AGENTS, _TICKETS = table(Agent), table(Ticket)

#: When clocks that could not be moved are tried again.
TRY_AGAIN_AFTER = timedelta(minutes=10)


def claim_due(
    tx: Transaction, now: datetime, limit: int, *, only: Sequence[str] | None = None
) -> list[Row]:
    """Lock and return tickets whose clocks are to be looked at, the longest due first."""
    query = (
        select(_TICKETS)
        .where(_TICKETS.c.sla_due_at <= now)
        .order_by(_TICKETS.c.sla_due_at)
        .limit(limit)
        .with_for_update(skip_locked=True, key_share=True)
    )
    return tx.rows(query if only is None else query.where(_TICKETS.c.id.in_(only)))


def move_clocks(tx: Transaction, tickets: Sequence[Row], now: datetime) -> int:
    """Move the clocks of locked tickets to a moment; return how many tickets that changed.

    A breach is told by `ticket.sla_breached`, a warning by `ticket.sla_warned`, another policy or
    version of it by `ticket.updated`. Where nothing happened only the next look is set.
    """
    book = tx.service_levels.book(tx.connection)
    holders = _holders(tx, tickets)
    changes, quiet = [], []
    for ticket in tickets:
        clocks = moved(book, ticket, ticket, now, "", {})
        if clocks.events:
            event, data = _event(clocks.events)
            holder = holders.get(ticket["assignee_id"])
            changes.append(Change(ticket, {}, event, CLOCK, holder, data))
        else:
            quiet.append({"id": ticket["id"], "sla_due_at": clocks.values.get("sla_due_at")})
    tx.update(_TICKETS, quiet)
    apply(tx, changes, now)
    return len(changes)


def put_off_clocks(tx: Transaction, ticket_ids: Sequence[str], now: datetime) -> None:
    """Let clocks that cannot be moved rest for a while: they must not hold up the others."""
    tx.update(_TICKETS, [{"id": key, "sla_due_at": now + TRY_AGAIN_AFTER} for key in ticket_ids])


def look_at_policies(tx: Transaction, names: Sequence[str], now: datetime) -> None:
    """Have the running clocks of some policies looked at now: what they promise has changed."""
    _look_at(tx, _TICKETS.c.sla["policy"].as_string().in_(names), now)


def look_at_team(tx: Transaction, team: str, now: datetime) -> None:
    """Have the running clocks of a team's tickets looked at now: it has another policy."""
    _look_at(tx, _TICKETS.c.team == team, now)


def _look_at(tx: Transaction, which: ColumnElement[bool], now: datetime) -> None:
    # Locked in the order of ids first: an update locks in any order, and could deadlock.
    ids = (
        select(_TICKETS.c.id)
        .where(_TICKETS.c.sla_due_at.is_not(None), which)
        .order_by(_TICKETS.c.id)
        .with_for_update(key_share=True)
    )
    found = list(tx.execute(ids).scalars())
    tx.update(_TICKETS, [{"id": key, "sla_due_at": now} for key in found])


def _holders(tx: Transaction, tickets: Sequence[Row]) -> dict[str | None, Row]:
    ids = {ticket["assignee_id"] for ticket in tickets} - {None}
    if not ids:
        return {}
    columns = (_AGENTS.c.id, _AGENTS.c.name, _AGENTS.c.email)
    return {row["id"]: row for row in tx.rows(select(*columns).where(_AGENTS.c.id.in_(ids)))}


def _event(metric_events: Sequence[Mapping[str, Any]]) -> tuple[EventType, dict[str, Any]]:
    if all(event["type"] in TIME_TOLD_BY for event in metric_events):
        return time_event(metric_events), {}
    return EventType.TICKET_UPDATED, {"changed": ["expected_resolution_at"]}
