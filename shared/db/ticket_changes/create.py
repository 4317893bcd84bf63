"""New tickets."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shared.db.engine import Row, Transaction
from shared.db.models import Ticket
from shared.db.models.base import table
from shared.db.ticket_changes.attach import ATTACHMENTS, attachment_document
from shared.db.ticket_changes.journal import Change, append_events, apply
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
    #: Rows for `attachments`, whose `ticket_id` is not known yet.
    attachments: Sequence[Row] = ()


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
    documents = append_events(tx, changes, now)
    if any(ticket.attachments for ticket in tickets):
        return _attach(tx, rows, tickets, documents, now)
    return documents


def _attach(
    tx: Transaction,
    rows: Sequence[Row],
    tickets: Sequence[NewTicket],
    documents: Sequence[dict[str, Any]],
    now: datetime,
) -> list[dict[str, Any]]:
    """Give new tickets their attachments, as a second event; return the documents after it."""
    answers = {row["id"]: document for row, document in zip(rows, documents, strict=True)}
    changes, inserted = [], []
    for row, ticket in zip(rows, tickets, strict=True):
        if ticket.attachments:
            attachments = [{**each, "ticket_id": row["id"]} for each in ticket.attachments]
            inserted += attachments
            data = {"attachments": [attachment_document(each) for each in attachments]}
            event = EventType.TICKET_ATTACHED
            changes.append(Change(row, {}, event, ticket.actor, None, data))
    tx.insert(ATTACHMENTS, inserted)
    for document in apply(tx, changes, now):
        answers[document["id"]] = document
    return list(answers.values())


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
