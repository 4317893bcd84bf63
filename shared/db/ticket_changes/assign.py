"""Tickets that go to an agent, at once or by an offer."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import select

from shared.db.engine import Transaction
from shared.db.models import Assignment
from shared.db.models.base import table
from shared.db.ticket_changes.journal import Assignee, Change, TicketRow, apply
from shared.db.ticket_changes.load import release
from shared.domain.agent import AssignmentEnd
from shared.domain.clock import rfc3339
from shared.domain.event import EventType
from shared.domain.ids import Prefix, new_id
from shared.domain.ticket import TicketStatus
from shared.domain.work import WorkState

_ASSIGNMENTS = table(Assignment)


@dataclass(frozen=True, slots=True)
class Binding:
    """A ticket and the agent it goes to; `routed` are the columns that rules changed.

    With `offered_until` the agent is asked first, and has until then to accept. `holder` is who
    has it now, if somebody does: the event tells whose it was.
    """

    ticket: TicketRow
    agent: Assignee
    weight: int
    decision_id: str
    routed: Mapping[str, Any] = field(default_factory=dict)
    offered_until: datetime | None = None
    holder: Assignee | None = None


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
            else _bound(binding, assignment, actor, correlation_id)
        )
    documents = apply(tx, changes, now)
    tx.insert(_ASSIGNMENTS, assignments)
    return documents


def assigned(
    ticket: TicketRow,
    agent: Assignee,
    assignment: Mapping[str, Any],
    routed: Mapping[str, Any],
    actor: str,
    correlation_id: str | None,
) -> Change:
    """Return the change by which a ticket is with an agent; `routed` are columns to set besides."""
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


def _bound(
    binding: Binding, assignment: Mapping[str, Any], actor: str, correlation_id: str | None
) -> Change:
    change = assigned(
        binding.ticket, binding.agent, assignment, binding.routed, actor, correlation_id
    )
    if binding.holder is None or binding.holder["id"] == binding.agent["id"]:
        return change
    return replace(change, data={**change.data, "from_agent": binding.holder})


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
