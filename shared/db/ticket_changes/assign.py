"""Tickets that go to an agent, wait for one, or come back from one."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select

from shared.db.engine import Transaction
from shared.db.models import Assignment, Ticket
from shared.db.models.base import table
from shared.db.ticket_changes.journal import Assignee, Change, TicketRow, apply
from shared.db.ticket_changes.load import release, reserve
from shared.domain.agent import AssignmentEnd
from shared.domain.clock import rfc3339
from shared.domain.event import EventType
from shared.domain.ids import Prefix, new_id
from shared.domain.ticket import TicketStatus
from shared.domain.work import WorkState

_ASSIGNMENTS, _TICKETS = table(Assignment), table(Ticket)

#: When a need changes that never does.
NEVER = datetime(9999, 1, 1, tzinfo=UTC)

__all__ = [
    "Binding",
    "Kept",
    "Offer",
    "Parking",
    "accept",
    "assign",
    "decline",
    "end_assignments",
    "keep",
    "park",
    "reserve",
    "take_back",
]


@dataclass(frozen=True, slots=True)
class Offer:
    """An open offer: the assignment's id, the decision behind it, who is asked."""

    id: str
    decision_id: str
    agent: Assignee


@dataclass(frozen=True, slots=True)
class Binding:
    """A ticket and the agent it goes to; `routed` are the columns that rules changed.

    With `offered_until` the agent is asked first, and has until then to accept.
    """

    ticket: TicketRow
    agent: Assignee
    weight: int
    decision_id: str
    routed: Mapping[str, Any] = field(default_factory=dict)
    offered_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Parking:
    """A ticket that nobody can take now, and what it waits for.

    `changes_at` is when its need changes by itself; it is routed again then.
    """

    ticket: TicketRow
    signature: str
    reason: str
    routed: Mapping[str, Any] = field(default_factory=dict)
    changes_at: datetime | None = None


def assign(
    tx: Transaction,
    bindings: Sequence[Binding],
    now: datetime,
    actor: str,
    correlation_id: str | None = None,
) -> list[dict[str, Any]]:
    """Bind tickets to agents, or offer them, and return the documents.

    The agents' load was raised by `reserve` already, in the same transaction.
    """
    assignments, changes = [], []
    for binding in bindings:
        assignment_id = new_id(Prefix.ASSIGNMENT)
        asked = binding.offered_until is not None
        assignments.append(
            {
                "id": assignment_id,
                "ticket_id": binding.ticket["id"],
                "agent_id": binding.agent["id"],
                "decision_id": binding.decision_id,
                "weight": binding.weight,
                "started_at": now,
                "offered_until": binding.offered_until,
                "accepted_at": None if asked else now,
                "ended_at": None,
                "end_reason": None,
            }
        )
        assignment = {
            "id": assignment_id,
            "decision_id": binding.decision_id,
            "agent": binding.agent,
        }
        changes.append(
            _offer(binding, assignment, actor)
            if asked
            else _assigned(
                binding.ticket, binding.agent, assignment, binding.routed, actor, correlation_id
            )
        )
    documents = apply(tx, changes, now)
    tx.insert(_ASSIGNMENTS, assignments)
    return documents


def _assigned(
    ticket: TicketRow,
    agent: Assignee,
    assignment: Mapping[str, Any],
    routed: Mapping[str, Any],
    actor: str,
    correlation_id: str | None,
) -> Change:
    values = {
        **routed,
        "status": TicketStatus.OPEN,
        "assignee_id": agent["id"],
        "touched_at": None,
        "signature": None,
        "declined_by": [],
        "former_agent_id": None,
        "offered_to": None,
        "work_state": WorkState.DONE,
        "attempts": 0,
        "last_error": None,
    }
    data = {"assignment": assignment}
    return Change(ticket, values, EventType.TICKET_ASSIGNED, actor, agent, data, correlation_id)


def _offer(binding: Binding, assignment: Mapping[str, Any], actor: str) -> Change:
    """Keep the ticket on the routing list, due when the offer runs out."""
    assert binding.offered_until is not None  # noqa: S101 -- the caller asked
    values = {
        **binding.routed,
        "signature": None,
        "offered_to": binding.agent["id"],
        "work_state": WorkState.READY,
        "available_at": binding.offered_until,
        "attempts": 0,
        "last_error": None,
    }
    data = {"assignment": assignment, "offered_until": rfc3339(binding.offered_until)}
    return Change(binding.ticket, values, EventType.TICKET_OFFERED, actor, None, data)


def accept(
    tx: Transaction, ticket: TicketRow, offer: Offer, now: datetime, actor: str, request: str
) -> dict[str, Any]:
    """Turn an open offer of a locked ticket into an assignment; return the document."""
    tx.update(_ASSIGNMENTS, [{"id": offer.id, "accepted_at": now}])
    assignment = {"id": offer.id, "decision_id": offer.decision_id, "agent": offer.agent}
    change = _assigned(ticket, offer.agent, assignment, {}, actor, request)
    return apply(tx, [change], now)[0]


def decline(
    tx: Transaction,
    declined: Sequence[tuple[TicketRow, Assignee]],
    now: datetime,
    actor: str,
    *,
    expired: bool = False,
    reason: str | None = None,
    request: str | None = None,
) -> None:
    """End the open offers of locked tickets and send the tickets to somebody else."""
    if not declined:
        return
    end = AssignmentEnd.EXPIRED if expired else AssignmentEnd.DECLINED
    end_assignments(tx, [ticket["id"] for ticket, _ in declined], end, now)
    changes = [
        Change(
            ticket,
            {
                "offered_to": None,
                "declined_by": sorted({*ticket["declined_by"], agent["id"]}),
                "work_state": WorkState.READY,
                "available_at": now,
            },
            EventType.TICKET_DECLINED,
            actor,
            None,
            {"declined_by": agent, "expired": expired, "reason": reason},
            request,
        )
        for ticket, agent in declined
    ]
    apply(tx, changes, now)


def park(tx: Transaction, parkings: Sequence[Parking], now: datetime, actor: str) -> None:
    """Let tickets wait until an agent who fits gets free."""
    changes = [
        Change(
            parking.ticket,
            {
                **parking.routed,
                "signature": parking.signature,
                "work_state": WorkState.WAITING,
                "available_at": parking.changes_at or NEVER,
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


def take_back(
    tx: Transaction, held: Sequence[tuple[TicketRow, Assignee]], now: datetime, actor: str
) -> None:
    """Take locked tickets back from their agents and make them ready to be routed anew."""
    if not held:
        return
    end_assignments(tx, [ticket["id"] for ticket, _ in held], AssignmentEnd.RETURNED, now)
    changes = [
        Change(
            ticket,
            {
                "status": TicketStatus.NEW,
                "assignee_id": None,
                "touched_at": None,
                "queued_at": now,
                "work_state": WorkState.READY,
                "available_at": now,
            },
            EventType.TICKET_RETURNED,
            actor,
            None,
            {"returned_from": agent},
        )
        for ticket, agent in held
    ]
    apply(tx, changes, now)


@dataclass(frozen=True, slots=True)
class Kept:
    """An assigned ticket that was looked at again and stays; `routed` are its columns now."""

    ticket: TicketRow
    agent: Assignee
    routed: Mapping[str, Any]


def keep(tx: Transaction, kept: Sequence[Kept], now: datetime, actor: str) -> None:
    """Leave locked tickets with their agents; write what rules make of them now, and tell it."""
    done = {"work_state": WorkState.DONE, "attempts": 0, "last_error": None}
    changes, same = [], []
    for each in kept:
        changed = sorted(n for n, value in each.routed.items() if each.ticket[n] != value)
        told = [name for name in changed if name not in ("rank", "rule_fields")]
        if told:
            values, data = {**each.routed, **done}, {"changed": told}
            event = EventType.TICKET_UPDATED
            changes.append(Change(each.ticket, values, event, actor, each.agent, data))
        else:
            same.append({"id": each.ticket["id"], **done})
    tx.update(_TICKETS, same)
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
