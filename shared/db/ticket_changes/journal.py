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
from shared.domain.sla import moved
from shared.domain.work import WorkState
from shared.observability.logging import get_logger
from shared.schemas.base import plain_dump
from shared.schemas.events import envelope
from shared.schemas.ticket import TicketSchema

_TICKETS = table(Ticket)
_EVENTS = table(TicketEvent)
_OUTBOX = table(OutboxEntry)

_dump_ticket = plain_dump(TicketSchema())

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


def ticket_document(ticket: TicketRow, assignee: Assignee | None) -> dict[str, Any]:
    """Return a ticket in wire form, as `shared.schemas.ticket.TicketSchema` defines it."""
    return _dump_ticket({**ticket, "assignee": assignee})


def append_events(
    tx: Transaction, changed: Sequence[tuple[TicketRow, Change]], now: datetime
) -> list[dict[str, Any]]:
    """Append one event for each (ticket after the change, change); return the documents."""
    events, outbox, documents = [], [], []
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
                "body": dump_json(body),
            }
        )
        outbox.append(
            {
                "id": event_id,
                "ticket_id": ticket["id"],
                "sequence": ticket["version"],
                "rank": ticket["rank"],
                "work_state": WorkState.READY.value,
                "available_at": now,
                "attempts": 0,
                "last_error": None,
            }
        )
        documents.append(document)
        log.debug(
            change.event.value,
            ticket=ticket["id"],
            sequence=ticket["version"],
            actor=change.actor,
            correlation_id=correlation_id,
        )
    tx.insert(_EVENTS, events)
    tx.insert(_OUTBOX, outbox)
    return documents


def apply(tx: Transaction, changes: Sequence[Change], now: datetime) -> list[dict[str, Any]]:
    """Write changes of locked tickets and their events; return the documents afterwards.

    The caller holds each ticket's row lock, so the next version is simply the last one plus one.
    The clocks of each ticket move with it, and its event tells how.
    """
    book = tx.service_levels.book(tx.connection)
    updates: dict[tuple[str, ...], list[dict[str, Any]]] = defaultdict(list)
    changed = []
    for change in changes:
        key = change.ticket["id"]
        ticket = {**change.ticket, **tx.clocks.get(key, {})}
        after = {**ticket, **change.values}
        clocks = moved(book, ticket, after, now, change.event, change.data)
        values = {
            **change.values,
            **clocks.values,
            "version": ticket["version"] + 1,
            "updated_at": now,
        }
        if clocks.values:
            tx.clocks[key] = clocks.values
        updates[tuple(sorted(values))].append({"id": key, **values})
        changed.append(({**after, **values}, _telling(change, clocks.events)))
    for names, rows in updates.items():
        ordered = [{"id": row["id"], **{name: row[name] for name in names}} for row in rows]
        tx.update(_TICKETS, ordered)
    return append_events(tx, changed, now)


def _telling(change: Change, metric_events: Sequence[Mapping[str, Any]]) -> Change:
    if not metric_events:
        return change
    return replace(change, data={**change.data, "sla": metric_events})
