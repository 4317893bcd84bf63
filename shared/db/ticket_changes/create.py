"""New tickets."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from shared.db import requesters
from shared.db.engine import Row, Transaction
from shared.db.models import Ticket
from shared.db.models.base import table
from shared.db.ticket_changes import past
from shared.db.ticket_changes.attach import ATTACHMENTS, attachment_document
from shared.db.ticket_changes.journal import Change, TicketRow, append_events, apply
from shared.db.ticket_changes.past import Past
from shared.domain.errors import InvalidInput
from shared.domain.event import EventType
from shared.domain.ids import Prefix, new_id
from shared.domain.sla import Moved, SlaBook, started, started_late
from shared.domain.ticket import (
    PriorityScheme,
    TicketStatus,
    derive_priority,
    rank_of,
)
from shared.domain.trace_context import CURRENT
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
    #: What it has behind it, if it lived elsewhere.
    past: Past | None = None
    #: The trace of the request.
    traceparent: str | None = field(default_factory=CURRENT.get)
    #: Whether whoever sent it answers for who the requester is; anybody can fill in a public form.
    proven: bool = True


def create(
    tx: Transaction, tickets: Sequence[NewTicket], now: datetime
) -> list[dict[str, Any] | InvalidInput]:
    """Store new tickets, ready to be routed; return them in wire form.

    Their requesters are found or made. A ticket that names one who is not there is not stored, and
    InvalidInput stands in its place. A ticket's number comes from the database and rises; a refused
    transaction leaves a gap in the numbers, never a duplicate. The commit fails with
    IntegrityError if another process makes one of the requesters in this moment; begin again.
    """
    strangers = {place for place, ticket in enumerate(tickets) if not ticket.proven}
    named = [ticket.content["requester"] for ticket in tickets]
    people = requesters.find_or_make(tx, named, now, strangers)
    known = [
        (ticket, person)
        for ticket, person in zip(tickets, people, strict=True)
        if not isinstance(person, InvalidInput)
    ]
    numbers = tx.dialect.next_ticket_numbers(tx.connection, len(known)) if known else []
    book = tx.service_levels.book(tx.connection)
    rows = [
        _new_row(ticket.content, person, number, ticket.correlation_id, now, book.priorities)
        for (ticket, person), number in zip(known, numbers, strict=True)
    ]
    for row, (ticket, _) in zip(rows, known, strict=True):
        row["traceparent"] = ticket.traceparent
    if any(ticket.past for ticket in tickets):
        return _with_pasts(tx, [ticket for ticket, _ in known], rows, people, book, now)
    clocks = _start_clocks(book, rows, now)
    tx.insert(_TICKETS, rows)
    changes = [
        (row, Change(row, {}, EventType.TICKET_CREATED, ticket.actor, None, {"sla": begun.events}))
        for row, (ticket, _), begun in zip(rows, known, clocks, strict=True)
    ]
    documents = append_events(tx, changes, now)
    if any(ticket.attachments for ticket, _ in known):
        documents = _attach(tx, rows, [ticket for ticket, _ in known], documents, now)
    made = iter(documents)
    return [person if isinstance(person, InvalidInput) else next(made) for person in people]


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


def _start_clocks(book: SlaBook, rows: Sequence[dict[str, Any]], now: datetime) -> list[Moved]:
    """Start the clocks of new rows; those of one policy and priority are the same in a batch."""
    known: dict[tuple[Any, ...], Moved] = {}
    clocks = []
    for row in rows:
        key = (row["sla_policy"], row["team"], row["priority"], row["status"])
        begun = known.get(key)
        if begun is None:
            begun = known[key] = started(book, row, now)
        row.update(begun.values)
        clocks.append(begun)
    return clocks


def _with_pasts(
    tx: Transaction,
    tickets: Sequence[NewTicket],
    fresh: Sequence[dict[str, Any]],
    people: Sequence[object],
    book: SlaBook,
    now: datetime,
) -> list[dict[str, Any] | InvalidInput]:
    """Store tickets that lived elsewhere; their clocks begin now, of those that are not over."""
    numbers = past.keep_numbers(tx, [row["number"] for row in fresh], [t.past for t in tickets])
    rows, pasts, assignments = [], [], []
    events: list[tuple[TicketRow, Change]] = []
    for row, number, ticket in zip(fresh, numbers, tickets, strict=True):
        if ticket.past is None:
            message = "Tickets with a past and without one do not share a batch."
            raise ValueError(message)
        old = past.with_past({**row, "number": number}, ticket.past)
        said, has = past.said_before(ticket.past), ticket.past.held
        begun = started_late(book, old, said, now, held=has) if past.alive(old) else Moved()
        old.update(begun.values)
        held = past.assignment_of(old, ticket.past, now)
        rows.append(old)
        pasts.append((old, ticket.past))
        assignments += [held] if held else []
        events += past.told(old, ticket.past, ticket.actor, held, begun.events)
    tx.insert(_TICKETS, rows)
    documents = {document["id"]: document for document in append_events(tx, events, now)}
    past.write(tx, pasts, assignments, tickets[0].actor, now)
    made = iter(documents.values())
    return [person if isinstance(person, InvalidInput) else next(made) for person in people]


def language_of(requester: Mapping[str, Any]) -> str | None:
    """Return the language of a requester's locale: `pt` of `pt-BR`."""
    locale = requester.get("locale") or ""
    return locale.replace("_", "-").partition("-")[0].lower() or None


def draft(tx: Transaction, content: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """Return the row that a ticket would have if it were stored; it has no number.

    Its requester is found, not made.
    """
    book = tx.service_levels.book(tx.connection)
    requester = requesters.find(tx, content["requester"], now)
    row = _new_row(content, requester, 0, "", now, book.priorities)
    _start_clocks(book, [row], now)
    return row


def _new_row(
    content: Mapping[str, Any],
    requester: Mapping[str, Any],
    number: int,
    correlation_id: str,
    now: datetime,
    priorities: PriorityScheme,
) -> dict[str, Any]:
    priority = derive_priority(
        content["priority"],
        content["impact"],
        content["urgency"],
        content["severity"],
        priorities,
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
        "requester": requester,
        "type": content["type"],
        "category": content["category"],
        "product": content["product"],
        "severity": content["severity"],
        "impact": content["impact"],
        "urgency": content["urgency"],
        "priority": priority,
        "error_messages": content["error_messages"],
        "steps_to_reproduce": content["steps_to_reproduce"],
        "impact_details": content["impact_details"],
        "tags": content["tags"],
        "custom_fields": content["custom_fields"],
        "required_skills": content["required_skills"],
        "preferred_skills": [],
        "language": language_of(requester),
        "requester_id": requester.get("id"),
        "team": content["team"],
        "status": TicketStatus.NEW,
        "assignee_id": None,
        "touched_at": None,
        "resolution": None,
        "verification": None,
        "satisfaction": None,
        "hold": None,
        "life_due_at": None,
        "reopen_count": 0,
        "merged_into_id": None,
        "time_spent_s": 0,
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
        "sla": None,
        "sla_due_at": None,
        "correlation_id": correlation_id,
        "created_at": now,
        "updated_at": now,
        "work_state": WorkState.READY,
        "available_at": now,
        "attempts": 0,
        "last_error": None,
    }
