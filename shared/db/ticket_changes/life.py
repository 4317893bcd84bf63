"""Steps in the life of a ticket, its open children with it where that is asked for."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from shared.db.engine import Transaction
from shared.db.models import Ticket
from shared.db.models.base import table
from shared.db.ticket_changes.asked import Asked
from shared.db.ticket_changes.assign import end_assignments
from shared.db.ticket_changes.family import Member, open_children
from shared.db.ticket_changes.journal import Assignee, Change, TicketRow, apply
from shared.domain.agent import AssignmentEnd
from shared.domain.clock import rfc3339
from shared.domain.errors import Conflict
from shared.domain.event import EventType
from shared.domain.lifecycle import (
    FAMILY_STEPS,
    ChildrenRule,
    LifeRules,
    Transition,
    allowed_transitions,
    next_status,
    require_reopenable,
)
from shared.domain.role import Role
from shared.domain.ticket import PAUSED_STATUSES, TicketStatus
from shared.domain.work import WorkState

_EVENTS = {
    Transition.ASK: EventType.TICKET_PENDING,
    Transition.HOLD: EventType.TICKET_HELD,
    Transition.RESUME: EventType.TICKET_RESUMED,
    Transition.RESOLVE: EventType.TICKET_RESOLVED,
    Transition.CLOSE: EventType.TICKET_CLOSED,
    Transition.REOPEN: EventType.TICKET_REOPENED,
    Transition.CANCEL: EventType.TICKET_CANCELLED,
    Transition.MARK_SPAM: EventType.TICKET_MARKED_SPAM,
    Transition.RESTORE: EventType.TICKET_RESTORED,
}

#: Steps after which nobody has the ticket any more.
_ENDS = {
    Transition.RESOLVE: AssignmentEnd.RESOLVED,
    Transition.CANCEL: AssignmentEnd.CANCELLED,
    Transition.MARK_SPAM: AssignmentEnd.CANCELLED,
}

_TICKETS = table(Ticket)

#: The router has nothing to do with it.
_AT_REST = {"work_state": WorkState.DONE, "signature": None, "offered_to": None}

#: What begins anew when a ticket looks for an agent again.
TO_ROUTE: dict[str, Any] = {
    "declined_by": [],
    "touched_at": None,
    "work_state": WorkState.READY,
    "attempts": 0,
    "last_error": None,
}


def transition(
    tx: Transaction,
    ticket: TicketRow,
    assignee: Assignee | None,
    step: Transition,
    details: Mapping[str, Any],
    now: datetime,
    asked: Asked,
    rules: LifeRules,
) -> dict[str, Any]:
    """Take a step with a locked ticket; return the document afterwards.

    `details` are those of `TransitionSchema`: resolution, reason, note, until, children. Resolving
    frees the agent; reopening sends the ticket through the router again. Raises InvalidTransition
    where the lifecycle has no such step, Forbidden where it is not the caller's, and Conflict where
    it has to be said what its open children do.
    """
    family: list[Member] = [(ticket, assignee)]
    next_status(ticket["status"], step, asked.role)
    if step in FAMILY_STEPS:
        family += _children(tx, ticket, step, details.get("children"), asked, rules)
    _leave_agents(tx, family, step, now)
    changes = [_change(each, step, details, now, asked, rules) for each in family]
    return apply(tx, changes, now)[0]


def _children(
    tx: Transaction,
    ticket: TicketRow,
    step: Transition,
    wanted: ChildrenRule | None,
    asked: Asked,
    rules: LifeRules,
) -> list[Member]:
    """Return the children that take the step too."""
    choice = wanted or rules.children
    # A requester's step is about their own ticket; its children may be those of others.
    if choice is ChildrenRule.LEAVE or asked.role is Role.REQUESTER:
        return []
    found = [
        member
        for member in open_children(tx, ticket["id"])
        if step in allowed_transitions(member[0]["status"])
    ]
    if found and choice is ChildrenRule.ASK:
        message = (
            f"{len(found)} of its children are not there yet. "
            f"Send `children`: `force` to {step.value} them too, `leave` to let them be."
        )
        raise Conflict(message, open_children=[child["id"] for child, _ in found])
    return found


def _leave_agents(
    tx: Transaction, family: Sequence[Member], step: Transition, now: datetime
) -> None:
    """End what the step ends: assignments, or the offers of tickets that are paused."""
    if step in _ENDS:
        end_assignments(tx, [ticket["id"] for ticket, _ in family], _ENDS[step], now)
    offered = [ticket["id"] for ticket, _ in family if ticket["offered_to"] is not None]
    if offered and step in (Transition.ASK, Transition.HOLD):
        end_assignments(tx, offered, AssignmentEnd.RETURNED, now)


def _change(
    member: Member,
    step: Transition,
    details: Mapping[str, Any],
    now: datetime,
    asked: Asked,
    rules: LifeRules,
) -> Change:
    ticket, assignee = member
    assigned = ticket["assignee_id"] is not None
    status = next_status(ticket["status"], step, asked.role, assigned=assigned)
    values: dict[str, Any] = {"status": status, "hold": None, "life_due_at": None}
    data: dict[str, Any] = {}
    match step:
        case Transition.ASK | Transition.HOLD:
            data = _pause(details)
            values |= {**_AT_REST, "hold": data, "life_due_at": details.get("until")}
        case Transition.RESUME if status is TicketStatus.NEW:
            values |= {**TO_ROUTE, "queued_at": now, "available_at": now}
        case Transition.RESOLVE:
            after = rules.auto_close_after
            values |= {
                **_AT_REST,
                "resolution": details.get("resolution"),
                "resolved_at": now,
                "life_due_at": None if after is None else now + after,
            }
        case Transition.CLOSE:
            values |= {"closed_at": now}
        case Transition.CANCEL | Transition.MARK_SPAM:
            values |= {**_AT_REST, "resolved_at": None, "closed_at": now}
        case Transition.REOPEN | Transition.RESTORE:
            ended_at = ticket["resolved_at"] or ticket["closed_at"]
            require_reopenable(ticket["status"], ended_at, asked.role, now, rules)
            assignee = None
            values |= _begin_anew(ticket, now)
            values["reopen_count"] = ticket["reopen_count"] + (step is Transition.REOPEN)
        case _:
            pass
    return Change(
        ticket, values, _EVENTS[step], asked.actor, assignee, data, correlation_id=asked.request
    )


def _pause(details: Mapping[str, Any]) -> dict[str, Any]:
    reason, until = details.get("reason"), details.get("until")
    return {
        "reason": reason and reason.value,
        "note": details.get("note"),
        "until": until and rfc3339(until),
    }


def _begin_anew(ticket: TicketRow, now: datetime) -> dict[str, Any]:
    return {
        **TO_ROUTE,
        "assignee_id": None,
        "former_agent_id": ticket["assignee_id"],
        "queued_at": now,
        "available_at": now,
        "resolution": None,
        "verification": None,
        "satisfaction": None,
        "resolved_at": None,
        "closed_at": None,
    }


def advance(
    tx: Transaction, due: Sequence[Member], now: datetime, actor: str, rules: LifeRules
) -> int:
    """Take the step whose time has come with locked tickets: a hold ends, a resolved one closes.

    Returns how many moved; a ticket that moved on by itself has its time taken away.
    """
    changes = []
    for member in due:
        ticket = member[0]
        asked = Asked(actor, ticket["correlation_id"], role=Role.SYSTEM)
        if ticket["status"] in PAUSED_STATUSES:
            changes.append(_change(member, Transition.RESUME, {}, now, asked, rules))
        elif ticket["status"] is TicketStatus.RESOLVED:
            changes.append(_change(member, Transition.CLOSE, {}, now, asked, rules))
        else:
            tx.update(_TICKETS, [{"id": ticket["id"], "life_due_at": None}])
    apply(tx, changes, now)
    return len(changes)


def put_off(tx: Transaction, ticket_id: str, until: datetime) -> None:
    """Let a ticket rest whose time has come, but whose step failed."""
    tx.update(_TICKETS, [{"id": ticket_id, "life_due_at": until}])
