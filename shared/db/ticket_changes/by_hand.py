"""What people decide themselves: who gets a ticket, and which team it goes to."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from shared.db.engine import Transaction
from shared.db.models import Decision
from shared.db.models.base import table
from shared.db.ticket_changes.asked import Asked
from shared.db.ticket_changes.assign import Binding, assign, end_assignments
from shared.db.ticket_changes.journal import Assignee, Change, TicketRow, apply
from shared.db.ticket_changes.load import force, lock, reserve
from shared.db.types import dump_json
from shared.domain.agent import AssignmentEnd
from shared.domain.errors import Conflict
from shared.domain.event import EventType
from shared.domain.ids import Prefix, new_id
from shared.domain.ticket import (
    OPEN_STATUSES,
    PAUSED_STATUSES,
    Lane,
    Priority,
    TicketStatus,
    rank_of,
)
from shared.domain.work import WorkState

_DECISIONS = table(Decision)

#: Stands in decisions for the profile; no profile can be called so.
BY_HAND = "by hand"


def assign_by_hand(
    tx: Transaction,
    ticket: TicketRow,
    agent: Assignee,
    weight: int,
    now: datetime,
    asked: Asked,
    *,
    guard: bool,
    before: Assignee | None = None,
) -> dict[str, Any]:
    """Give a locked ticket to an agent, whoever has it now; return the document.

    `before` is who has it, for the event.

    With `guard` the agent must be online and have room; without it the load may exceed the
    capacity, and the excess is noted. The decision's record says which it was. Raises Conflict if
    the guard refuses, or the ticket is over.
    """
    _require_open(ticket)
    holder = ticket["assignee_id"] or ticket["offered_to"] or agent["id"]
    lock(tx, [holder, agent["id"]])
    end_assignments(tx, [ticket["id"]], AssignmentEnd.REASSIGNED, now)
    if not guard:
        force(tx, agent["id"], weight, now)
    elif agent["id"] not in reserve(tx, {agent["id"]: weight}, now):
        message = (
            f"{agent['name']} is not online or has no room for it. "
            "Choose somebody else, or send `guard: false` to assign it all the same."
        )
        raise Conflict(message)
    decision_id = new_id(Prefix.DECISION)
    tx.insert(
        _DECISIONS,
        [
            {
                "id": decision_id,
                "ticket_id": ticket["id"],
                "decided_at": now,
                "outcome": "assigned",
                "agent_id": agent["id"],
                "profile": BY_HAND,
                "load_share": None,
                "explanation": dump_json(_explanation(ticket, asked, guard=guard)),
            }
        ],
    )
    binding = Binding(ticket, agent, weight, decision_id, holder=before)
    return assign(tx, [binding], now, asked.actor, asked.request)[0]


def transfer(
    tx: Transaction,
    ticket: TicketRow,
    holder: Assignee | None,
    changes: Mapping[str, Any],
    now: datetime,
    asked: Asked,
    *,
    escalated: bool,
) -> dict[str, Any]:
    """Send a locked ticket to another team, to be routed there; return the document.

    `changes` has the new `team` and may have `priority` and `required_skills`. Raises Conflict if
    the ticket is over.
    """
    _require_open(ticket)
    end_assignments(tx, [ticket["id"]], AssignmentEnd.TRANSFERRED, now)
    asked_for = {**(ticket["asked"] or {}), **changes, "team_pinned": True}
    values = {
        **changes,
        "asked": asked_for,
        "status": TicketStatus.NEW,
        "assignee_id": None,
        "touched_at": None,
        "former_agent_id": None,
        "offered_to": None,
        "declined_by": [],
        "queued_at": now,
        "signature": None,
        "work_state": WorkState.READY,
        "available_at": now,
        "attempts": 0,
        "last_error": None,
    }
    if "priority" in changes:
        priority = Priority(changes["priority"])
        lane = Lane.BULK if ticket["rank"] >= rank_of(Lane.BULK, 0) else Lane.LIVE
        values["rank"] = rank_of(lane, priority.rank)
    data = {
        "from_team": ticket["team"],
        "from_agent": holder,
        "escalated": escalated,
        "reason": asked.reason,
    }
    event = EventType.TICKET_TRANSFERRED
    change = Change(ticket, values, event, asked.actor, None, data, asked.request)
    return apply(tx, [change], now)[0]


def _require_open(ticket: TicketRow) -> None:
    if ticket["status"] not in OPEN_STATUSES:
        word = "resume" if ticket["status"] in PAUSED_STATUSES else "reopen"
        message = f"The ticket is {ticket['status'].value}; {word} it first."
        raise Conflict(message)


def _explanation(ticket: TicketRow, asked: Asked, *, guard: bool) -> dict[str, Any]:
    """Return a document of `shared.schemas.decisions.ExplanationSchema`: nobody was compared."""
    return {
        "rules_version": 0,
        "rules_fired": [],
        "team": ticket["team"],
        "required_skills": ticket["required_skills"],
        "priority": ticket["priority"].value,
        "profile": {"name": BY_HAND, "version": 0, "filters": [], "matcher": ""},
        "weights": {},
        "subject": {},
        "candidates": [],
        "candidates_total": 0,
        "rejected": [],
        "faults": [],
        "by_hand": {"actor": asked.actor, "guard": guard, "reason": asked.reason},
    }
