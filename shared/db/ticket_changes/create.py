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
    TicketStatus,
    derive_priority,
    expected_resolution,
    rank_of,
)
from shared.domain.work import WorkState

_TICKETS = table(Ticket)


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


def language_of(requester: Mapping[str, Any]) -> str | None:
    """Return the language of a requester's locale: `pt` of `pt-BR`."""
    locale = requester.get("locale") or ""
    return locale.replace("_", "-").partition("-")[0].lower() or None


def requester_key(requester: Mapping[str, Any]) -> str | None:
    """Return what a requester is known by: the e-mail address, else the telephone number."""
    return (requester.get("email") or requester.get("phone") or "").lower() or None


def draft(content: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """Return the row that a ticket would have if it were stored; it has no number."""
    return _new_row(content, 0, "", now)


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
        "source": content["source"],
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
        "preferred_skills": [],
        "language": language_of(content["requester"]),
        "requester_key": requester_key(content["requester"]),
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
        "queued_at": now,
        "declined_by": [],
        "former_agent_id": None,
        "offered_to": None,
        "rule_fields": [],
        "asked": {
            "team": content["team"],
            "priority": priority.value,
            "urgency": content["urgency"],
            "required_skills": content["required_skills"],
            "tags": content["tags"],
        },
        "sla_policy": None,
        "correlation_id": correlation_id,
        "created_at": now,
        "updated_at": now,
        "work_state": WorkState.READY,
        "available_at": now,
        "attempts": 0,
        "last_error": None,
    }
