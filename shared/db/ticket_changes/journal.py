"""What every change of a ticket shares: the new version, the event, the outbox row."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from shared.db.engine import Transaction
from shared.db.models import OutboxEntry, Ticket, TicketEvent
from shared.db.models.base import table
from shared.db.types import dump_json
from shared.domain.event import EventType
from shared.domain.ids import Prefix, new_id
from shared.domain.sla import Move, moved
from shared.domain.trace_context import CURRENT
from shared.domain.work import WorkState
from shared.observability.logging import get_logger
from shared.schemas.base import plain_dump
from shared.schemas.events import envelope
from shared.schemas.ticket import TicketSchema

_TICKETS = table(Ticket)
_EVENTS = table(TicketEvent)
_OUTBOX = table(OutboxEntry)

_dump_ticket = plain_dump(TicketSchema())

#: What time does to clocks, and the events that tell of it.
TIME_TOLD_BY = {
    Move.WARN: EventType.TICKET_SLA_WARNED,
    Move.BREACH: EventType.TICKET_SLA_BREACHED,
}
#: Who acts in what time brings.
CLOCK = "clock"

log = get_logger()

#: A ticket as read from the database, or about to be written to it.
TicketRow = Mapping[str, Any]
#: Who has a ticket: id, name, email.
Assignee = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Change:
    """One change of one ticket: the row before, the columns that change, the event that tells."""

    ticket: TicketRow
    values: Mapping[str, Any]
    event: EventType
    actor: str
    assignee: Assignee | None
    data: Mapping[str, Any] = field(default_factory=dict)
    #: The id of the request that asked for it; a change without a request goes by the ticket's own.
    correlation_id: str | None = None
    #: Nobody is notified: the event is in the trail and the feed, and not on the outbox.
    silent: bool = False


def ticket_document(ticket: TicketRow, assignee: Assignee | None) -> dict[str, Any]:
    """Return a ticket in wire form, as `shared.schemas.ticket.TicketSchema` defines it."""
    return _dump_ticket({**ticket, "assignee": assignee})


def append_events(
    tx: Transaction, changed: Sequence[tuple[TicketRow, Change]], now: datetime
) -> list[dict[str, Any]]:
    """Append one event for each (ticket after the change, change); return the documents."""
    events, outbox, documents = [], [], []
    told, asked_in = log.bind(), CURRENT.get()
    for ticket, change in changed:
        event_id = new_id(Prefix.EVENT)
        correlation_id = change.correlation_id or ticket["correlation_id"]
        document = ticket_document(ticket, change.assignee)
        body = envelope(
            event_id,
            change.event,
            now,
            ticket["version"],
            correlation_id,
            {"ticket": document, **change.data},
        )
        events.append(
            {
                "id": event_id,
                "ticket_id": ticket["id"],
                "sequence": ticket["version"],
                "type": change.event.value,
                "occurred_at": now,
                "actor": change.actor,
                "correlation_id": correlation_id,
                # What nobody asked for, such as an assignment, belongs to where the ticket is from.
                "traceparent": ticket.get("traceparent")
                if correlation_id == ticket["correlation_id"]
                else asked_in,
                "body": dump_json(body),
            }
        )
        if not change.silent:
            outbox.append(_outbox_entry(event_id, ticket, now))
        documents.append(document)
        told.debug(
            change.event.value,
            ticket=ticket["id"],
            sequence=ticket["version"],
            actor=change.actor,
            correlation_id=correlation_id,
        )
    tx.insert(_EVENTS, events)
    tx.insert(_OUTBOX, outbox)
    return documents


def _outbox_entry(event_id: str, ticket: TicketRow, now: datetime) -> dict[str, Any]:
    return {
        "id": event_id,
        "ticket_id": ticket["id"],
        "sequence": ticket["version"],
        "rank": ticket["rank"],
        "work_state": WorkState.READY.value,
        "available_at": now,
        "attempts": 0,
        "last_error": None,
    }


def apply(tx: Transaction, changes: Sequence[Change], now: datetime) -> list[dict[str, Any]]:
    """Write changes of locked tickets and their events; return the documents afterwards.

    The caller holds each ticket's row lock, so the next version is simply the last one plus one.
    The clocks of each ticket move with it, and its event tells how; a warning or a breach that is
    noticed in passing has an event of its own right after, for those who listen to nothing else.
    """
    book = tx.service_levels.book(tx.connection)
    updates: dict[tuple[str, ...], list[dict[str, Any]]] = defaultdict(list)
    changed: list[tuple[TicketRow, Change]] = []
    last: list[int] = []
    for change in changes:
        key = change.ticket["id"]
        ticket = {**change.ticket, **tx.clocks.get(key, {})}
        after = {**ticket, **change.values, "updated_at": now}
        clocks = moved(book, ticket, after, now, change.event, change.data)
        after |= clocks.values
        if clocks.values:
            tx.clocks[key] = clocks.values
        for version, told in enumerate(_told(change, clocks.events), ticket["version"] + 1):
            after = {**after, "version": version}
            changed.append((after, told))
        last.append(len(changed) - 1)
        names = {*change.values, *clocks.values, "version", "updated_at"}
        updates[tuple(sorted(names))].append(after)
    for names_written, rows in updates.items():
        ordered = [{"id": row["id"], **{name: row[name] for name in names_written}} for row in rows]
        tx.update(_TICKETS, ordered)
    documents = append_events(tx, changed, now)
    return [documents[index] for index in last]


def _told(change: Change, metric_events: Sequence[Mapping[str, Any]]) -> list[Change]:
    """Return the change with what it did to clocks, and what time did to them as one more."""
    if not metric_events or change.event in TIME_TOLD_BY.values():
        return [_telling(change, metric_events)]
    passed = [event for event in metric_events if event["type"] in TIME_TOLD_BY]
    told = [_telling(change, [event for event in metric_events if event not in passed])]
    if passed:
        event = time_event(passed)
        told.append(replace(change, event=event, actor=CLOCK, data={"sla": passed}))
    return told


def time_event(metric_events: Sequence[Mapping[str, Any]]) -> EventType:
    """Return the event that tells of warnings and breaches."""
    moves = {event["type"] for event in metric_events}
    return TIME_TOLD_BY[Move.BREACH if Move.BREACH in moves else Move.WARN]


def _telling(change: Change, metric_events: Sequence[Mapping[str, Any]]) -> Change:
    if not metric_events:
        return change
    return replace(change, data={**change.data, "sla": metric_events})
