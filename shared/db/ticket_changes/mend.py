"""Tickets that are nowhere, put right: what `patchbay verify --repair` may do to tickets and loads.

Each takes the locks that the services take, looks again under them, and changes only what is still
wrong then: on a live desk it is one more writer.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Integer, Text, case, func, select, update

from shared.db.engine import Row, Transaction
from shared.db.models import Agent, Assignment, Ticket
from shared.db.models.base import table
from shared.db.ticket_changes.assign import end_assignments
from shared.db.ticket_changes.family import Member, members
from shared.db.ticket_changes.journal import Assignee, Change, TicketRow, apply
from shared.db.ticket_changes.keep import take_back
from shared.db.ticket_changes.load import lock
from shared.domain.agent import AssignmentEnd
from shared.domain.event import EventType
from shared.domain.placement import PLACES, expected_holder, is_placed
from shared.domain.ticket import PAUSED_STATUSES, TicketStatus
from shared.domain.work import WorkState

_AGENTS, _ASSIGNMENTS, _TICKETS = table(Agent), table(Assignment), table(Ticket)

#: Looks for an agent from now on.
_ROUTED_ANEW = {"work_state": WorkState.READY, "attempts": 0, "last_error": None}


def put_right(
    tx: Transaction, ticket_ids: Sequence[str], now: datetime, actor: str
) -> dict[str, str]:
    """Put tickets where their status demands; return what was done, by the ticket's id.

    An assignment that contradicts its ticket is ended. A ticket whose agent nobody can tell any
    more is routed anew; one that is paused is, once it is resumed.
    """
    found = members(tx, sorted(ticket_ids))
    held = _open_assignments(tx, [ticket["id"] for ticket, _ in found])
    done = {}
    for member in found:
        holders = held[member[0]["id"]]
        did = _put_right(tx, member, holders, now, actor)
        if did:
            done[member[0]["id"]] = did
    return done


def _open_assignments(tx: Transaction, ticket_ids: Sequence[str]) -> dict[str, list[Row]]:
    """Return the open assignments of tickets, each with who has it, and lock their agents.

    Whoever ends an assignment lowers a load: agents are locked in the order of their ids first.
    """
    query = (
        select(_ASSIGNMENTS.c.ticket_id, _AGENTS.c.id, _AGENTS.c.name, _AGENTS.c.email)
        .join(_AGENTS, _AGENTS.c.id == _ASSIGNMENTS.c.agent_id)
        .where(_ASSIGNMENTS.c.ticket_id.in_(ticket_ids), _ASSIGNMENTS.c.ended_at.is_(None))
        .order_by(_ASSIGNMENTS.c.id)
    )
    found = tx.rows(query)
    lock(tx, sorted({row["id"] for row in found}))
    held: dict[str, list[Row]] = defaultdict(list)
    for row in found:
        held[row.pop("ticket_id")].append(row)
    return held


def _put_right(
    tx: Transaction, member: Member, holders: Sequence[Assignee], now: datetime, actor: str
) -> str:
    """Put one locked ticket right; return what was done, nothing if there was nothing to do."""
    ticket, assignee = member
    status, offered_to = ticket["status"], ticket["offered_to"]
    if status not in PLACES:
        return ""
    wanted = expected_holder(status, ticket["assignee_id"], offered_to)
    agrees = [holder["id"] for holder in holders] == ([wanted] if wanted else [])
    if agrees and is_placed(status, ticket["work_state"], ticket["assignee_id"], offered_to):
        return ""
    if status is TicketStatus.NEW:
        return _route_anew(tx, ticket, holders, now, actor, agrees=agrees)
    if status is TicketStatus.OPEN:
        if agrees and wanted is not None:
            take_off(tx, ticket)
            return "took it off the routing list: its agent has it"
        return _give_back(tx, ticket, assignee or next(iter(holders), None), now, actor)
    take_off(tx, ticket)
    if agrees:
        return f"took it off the routing list: it is {status}"
    end_assignments(tx, [ticket["id"]], AssignmentEnd.RETURNED, now)
    if status in PAUSED_STATUSES and ticket["assignee_id"] is not None:
        _update(tx, ticket, {"assignee_id": None}, "assignee", now, actor)
        return "took it from its agent, who had no assignment: it is routed when it is resumed"
    return f"ended its assignment: it is {status}"


def _route_anew(
    tx: Transaction,
    ticket: TicketRow,
    holders: Sequence[Assignee],
    now: datetime,
    actor: str,
    *,
    agrees: bool,
) -> str:
    """Put a new ticket back on the list; an offer that contradicts its assignment is over."""
    if holders and not agrees:
        end_assignments(tx, [ticket["id"]], AssignmentEnd.RETURNED, now)
    values: dict[str, Any] = {**_ROUTED_ANEW, "available_at": now, "signature": None}
    if not agrees:
        values["offered_to"] = None
    if ticket["assignee_id"] is not None:
        _update(tx, ticket, {**values, "assignee_id": None}, "assignee", now, actor)
    else:
        # Nothing that anybody sees has changed: no event, like a ticket that is woken.
        tx.update(_TICKETS, [{"id": ticket["id"], **values}])
    return "put it back on the routing list"


def _give_back(
    tx: Transaction, ticket: TicketRow, holder: Assignee | None, now: datetime, actor: str
) -> str:
    """Take an open ticket from whoever may have it, and route it anew."""
    if holder is not None:
        tx.update(_TICKETS, [{"id": ticket["id"], "offered_to": None, "signature": None}])
        take_back(tx, [(ticket, holder)], now, actor)
    else:
        values = {
            **_ROUTED_ANEW,
            "status": TicketStatus.NEW,
            "assignee_id": None,
            "offered_to": None,
            "queued_at": now,
            "available_at": now,
        }
        _update(tx, ticket, values, "status", now, actor)
    return "routed it anew: nobody can tell who has it"


def take_off(tx: Transaction, ticket: TicketRow) -> None:
    """Take a locked ticket off the routing list; whoever has it keeps it."""
    at_rest = {"work_state": WorkState.DONE, "signature": None, "offered_to": None}
    tx.update(_TICKETS, [{"id": ticket["id"], **at_rest}])


def _update(
    tx: Transaction,
    ticket: TicketRow,
    values: Mapping[str, Any],
    changed: str,
    now: datetime,
    actor: str,
) -> None:
    data = {"changed": [changed]}
    apply(tx, [Change(ticket, values, EventType.TICKET_UPDATED, actor, None, data)], now)


def recount_loads(tx: Transaction, agent_ids: Sequence[str], now: datetime) -> dict[str, str]:
    """Count the loads of agents anew; return what was done, by the agent's id.

    Whoever binds or ends an assignment holds the agent's lock until the end: once we have it, the
    sum is of what is committed, and whoever comes after us adds to it.
    """
    lock(tx, sorted(agent_ids))
    held = _ASSIGNMENTS.c
    sums = (
        select(_AGENTS.c.id, _AGENTS.c.load, func.coalesce(func.sum(held.weight), 0).label("held"))
        .select_from(
            _AGENTS.outerjoin(
                _ASSIGNMENTS, (held.agent_id == _AGENTS.c.id) & held.ended_at.is_(None)
            )
        )
        .where(_AGENTS.c.id.in_(agent_ids))
        .group_by(_AGENTS.c.id, _AGENTS.c.load)
    )
    found = tx.rows(sums)
    wanted = tx.dialect.rows_as_table("wanted", {"id": Text(), "load": Integer()})
    excess = wanted.c.load - _AGENTS.c.capacity
    statement = (
        update(_AGENTS)
        .where(_AGENTS.c.id == wanted.c.id)
        .values(
            load=wanted.c.load,
            overcommit=case((excess > 0, excess), else_=0),
            work_state=WorkState.READY,
            available_at=now,
        )
    )
    given = [{"id": row["id"], "load": int(row["held"])} for row in found]
    tx.execute(statement, dict(tx.dialect.rows_parameters("wanted", given)))
    return {row["id"]: f"counted the load anew: {row['held']}" for row in found}


def look_at_clocks(tx: Transaction, ticket_ids: Sequence[str], now: datetime) -> None:
    """Have the clocks of locked tickets looked at now."""
    tx.update(_TICKETS, [{"id": key, "sla_due_at": now} for key in ticket_ids])


def end_holds(tx: Transaction, ends: Mapping[str, datetime]) -> None:
    """Set the moments at which the holds of locked tickets end."""
    tx.update(_TICKETS, [{"id": key, "life_due_at": until} for key, until in ends.items()])
