"""Tickets whose requester becomes another, or is erased."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import select

from shared.db.engine import Transaction
from shared.db.models import TicketEvent
from shared.db.models.base import table
from shared.db.ticket_changes.asked import Asked
from shared.db.ticket_changes.journal import Assignee, Change, TicketRow, apply
from shared.db.types import dump_json, load_json
from shared.domain.erasure import erased_event, erased_fields
from shared.domain.event import EventType

_EVENTS = table(TicketEvent)

#: Bodies of events that are in memory at once.
PAGE = 100

Held = tuple[TicketRow, Assignee | None]


def move(
    tx: Transaction, tickets: Sequence[Held], requester_id: str, now: datetime, asked: Asked
) -> None:
    """Give locked tickets to the requester that theirs was merged into."""
    changes = [
        Change(
            ticket,
            {
                "requester_id": requester_id,
                "requester": {**ticket["requester"], "id": requester_id},
            },
            EventType.TICKET_UPDATED,
            asked.actor,
            assignee,
            {"changed": ["requester"]},
            asked.request,
        )
        for ticket, assignee in tickets
    ]
    apply(tx, changes, now)


def erase(tx: Transaction, tickets: Sequence[Held], now: datetime, asked: Asked) -> None:
    """Take what people wrote out of locked tickets and their events, and tell it.

    This is the one change that touches events of the past: the law wants it.
    """
    changes: list[Change] = []
    for ticket, assignee in tickets:
        after: int | None = 0
        while after is not None:
            after = erase_events(tx, ticket["id"], after)
        values = erased_fields(ticket)
        changes.append(
            Change(
                ticket,
                {**values, "last_error": None},
                EventType.TICKET_UPDATED,
                asked.actor,
                assignee,
                {"changed": sorted(values)},
                asked.request,
            )
        )
    apply(tx, changes, now)


def tell_comments(tx: Transaction, tickets: Sequence[Held], now: datetime, asked: Asked) -> None:
    """Tell of locked tickets that what was merged into them was erased."""
    changes = [
        Change(
            ticket,
            {},
            EventType.TICKET_UPDATED,
            asked.actor,
            assignee,
            {"changed": ["comments"]},
            asked.request,
        )
        for ticket, assignee in tickets
    ]
    apply(tx, changes, now)


def erase_events(tx: Transaction, ticket_id: str, after: int) -> int | None:
    """Erase a page of a ticket's events after a sequence; return the last, None at the end."""
    query = (
        select(_EVENTS.c.id, _EVENTS.c.sequence, _EVENTS.c.body)
        .where(_EVENTS.c.ticket_id == ticket_id, _EVENTS.c.sequence > after)
        .order_by(_EVENTS.c.sequence)
        .limit(PAGE)
    )
    page = tx.rows(query)
    changed = [{"id": row["id"], "body": body} for row in page if (body := _left(row)) is not None]
    tx.update(_EVENTS, changed)
    return page[-1]["sequence"] if len(page) == PAGE else None


def _left(row: Mapping[str, str]) -> str | None:
    """Return what is left of a body; None if that is all of it."""
    body = dump_json(erased_event(load_json(row["body"])))
    return body if body != row["body"] else None
