"""Tickets that go to an agent, wait for one, or come back from one."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import select

from shared.db.engine import Transaction
from shared.db.models import Assignment
from shared.db.models.base import table
from shared.db.ticket_changes.journal import Assignee, Change, TicketRow, apply
from shared.db.ticket_changes.load import release, reserve
from shared.domain.agent import AssignmentEnd
from shared.domain.event import EventType
from shared.domain.ids import Prefix, new_id
from shared.domain.ticket import TicketStatus
from shared.domain.work import WorkState

_ASSIGNMENTS = table(Assignment)

__all__ = ["Binding", "Parking", "assign", "end_assignments", "park", "reserve", "return_tickets"]


@dataclass(frozen=True, slots=True)
class Binding:
    """A ticket and the agent it goes to; `routed` are the columns that rules changed."""

    ticket: TicketRow
    agent: Assignee
    weight: int
    decision_id: str
    routed: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Parking:
    """A ticket that nobody can take now, and what it waits for."""

    ticket: TicketRow
    signature: str
    reason: str
    routed: Mapping[str, Any] = field(default_factory=dict)


def assign(tx: Transaction, bindings: Sequence[Binding], now: datetime, actor: str) -> None:
    """Bind tickets to agents whose load `reserve` has already raised, in the same transaction."""
    assignments, changes = [], []
    for binding in bindings:
        assignment_id = new_id(Prefix.ASSIGNMENT)
        assignments.append(
            {
                "id": assignment_id,
                "ticket_id": binding.ticket["id"],
                "agent_id": binding.agent["id"],
                "decision_id": binding.decision_id,
                "weight": binding.weight,
                "started_at": now,
                "ended_at": None,
                "end_reason": None,
            }
        )
        assignment = {
            "id": assignment_id,
            "decision_id": binding.decision_id,
            "agent": binding.agent,
        }
        values = {
            **binding.routed,
            "status": TicketStatus.OPEN,
            "assignee_id": binding.agent["id"],
            "touched_at": None,
            "signature": None,
            "work_state": WorkState.DONE,
            "attempts": 0,
            "last_error": None,
        }
        changes.append(
            Change(
                binding.ticket,
                values,
                EventType.TICKET_ASSIGNED,
                actor,
                binding.agent,
                {"assignment": assignment},
            )
        )
    apply(tx, changes, now)
    tx.insert(_ASSIGNMENTS, assignments)


def park(tx: Transaction, parkings: Sequence[Parking], now: datetime, actor: str) -> None:
    """Let tickets wait until an agent who fits gets free."""
    changes = [
        Change(
            parking.ticket,
            {
                **parking.routed,
                "signature": parking.signature,
                "work_state": WorkState.WAITING,
                "attempts": 0,
                "last_error": None,
            },
            EventType.TICKET_WAITING,
            actor,
            None,
            {"reason": parking.reason},
        )
        for parking in parkings
    ]
    apply(tx, changes, now)


def return_tickets(
    tx: Transaction,
    tickets: Sequence[TicketRow],
    agent: Assignee,
    now: datetime,
    actor: str,
) -> None:
    """Take locked tickets back from an agent and make them ready to be routed anew."""
    if not tickets:
        return
    end_assignments(tx, [ticket["id"] for ticket in tickets], AssignmentEnd.RETURNED, now)
    changes = [
        Change(
            ticket,
            {
                "status": TicketStatus.NEW,
                "assignee_id": None,
                "touched_at": None,
                "work_state": WorkState.READY,
                "available_at": now,
            },
            EventType.TICKET_RETURNED,
            actor,
            None,
            {"returned_from": agent},
        )
        for ticket in tickets
    ]
    apply(tx, changes, now)


def end_assignments(
    tx: Transaction, ticket_ids: Sequence[str], reason: AssignmentEnd, now: datetime
) -> None:
    """Close the open assignments of locked tickets and lower their agents' load."""
    query = select(_ASSIGNMENTS.c.id, _ASSIGNMENTS.c.agent_id, _ASSIGNMENTS.c.weight).where(
        _ASSIGNMENTS.c.ticket_id.in_(ticket_ids), _ASSIGNMENTS.c.ended_at.is_(None)
    )
    weights: Counter[str] = Counter()
    ended = []
    for row in tx.rows(query):
        weights[row["agent_id"]] += row["weight"]
        ended.append({"id": row["id"], "ended_at": now, "end_reason": reason.value})
    tx.update(_ASSIGNMENTS, ended)
    if weights:
        release(tx, weights, now)
