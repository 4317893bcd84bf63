"""New tickets."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shared.db.engine import Transaction
from shared.db.models import Ticket
from shared.db.models.base import table
from shared.db.ticket_changes.journal import Change, append_events
from shared.domain.event import EventType
from shared.domain.ids import Prefix, new_id
from shared.domain.ticket import (
    Lane,
    TicketStatus,
    derive_priority,
    expected_resolution,
)
from shared.domain.work import WorkState

_TICKETS = table(Ticket)


def rank_of(lane: Lane, priority_rank: int) -> int:
    """Return the order in the routing list: every live ticket before every bulk one."""
    return lane.rank * 10 + priority_rank


@dataclass(frozen=True, slots=True)
class NewTicket:
    """What `CreateTicketSchema` loaded, who sent it, and the id that its request goes by."""

    content: Mapping[str, Any]
    actor: str
    correlation_id: str


def create(tx: Transaction, tickets: Sequence[NewTicket], now: datetime) -> list[dict[str, Any]]:
    """Store new tickets, ready to be routed; return them in wire form.

    A ticket's number comes from the database and rises; a refused transaction leaves a gap in the
    numbers, never a duplicate.
    """
    numbers = tx.dialect.next_ticket_numbers(tx.connection, len(tickets))
    rows = [
        _new_row(ticket.content, number, ticket.correlation_id, now)
        for ticket, number in zip(tickets, numbers, strict=True)
    ]
    tx.insert(_TICKETS, rows)
    changes = [
        (row, Change(row, {}, EventType.TICKET_CREATED, ticket.actor, None))
        for row, ticket in zip(rows, tickets, strict=True)
    ]
    return append_events(tx, changes, now)


def _new_row(
    content: Mapping[str, Any], number: int, correlation_id: str, now: datetime
) -> dict[str, Any]:
    priority = derive_priority(
        content["priority"], content["impact"], content["urgency"], content["severity"]
    )
    return {
        "id": new_id(Prefix.TICKET),
        "number": number,
        "version": 1,
        "external_id": content["external_id"],
        "channel": content["channel"],
        "subject": content["subject"],
        "description": content["description"],
        "requester": content["requester"],
        "type": content["type"],
        "category": content["category"],
        "product": content["product"],
        "severity": content["severity"],
        "impact": content["impact"],
        "urgency": content["urgency"],
        "priority": priority,
        "error_messages": content["error_messages"],
        "steps_to_reproduce": content["steps_to_reproduce"],
        "tags": content["tags"],
        "custom_fields": content["custom_fields"],
        "required_skills": content["required_skills"],
        "team": content["team"],
        "status": TicketStatus.NEW,
        "assignee_id": None,
        "touched_at": None,
        "resolution": None,
        "expected_resolution_at": expected_resolution(now, priority),
        "resolved_at": None,
        "closed_at": None,
        "rank": rank_of(content["lane"], priority.rank),
        "signature": None,
        "correlation_id": correlation_id,
        "created_at": now,
        "updated_at": now,
        "work_state": WorkState.READY,
        "available_at": now,
        "attempts": 0,
        "last_error": None,
    }
