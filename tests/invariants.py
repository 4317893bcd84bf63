"""What must be true of every database at every moment, whatever was killed, doubled or reordered.

`violations` says what is wrong; an empty list means sound. The rules are those of `patchbay
verify`,
`shared.db.soundness`; what is added here would cost too much on a large database.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, select

from shared.db.engine import Database
from shared.db.models import (
    Assignment,
    Base,
    Decision,
    Delivery,
    OutboxEntry,
    Subscription,
    Ticket,
    TicketEvent,
)
from shared.db.models.base import table
from shared.db.soundness.check import Check, Finding, Look, examine
from shared.db.soundness.examination import all_checks
from shared.domain.event import EventType

Rows = list[Mapping[str, Any]]


def assert_sound(database: Database) -> None:
    """Fail with every violation, one a line."""
    found = violations(database)
    assert not found, "\n".join(found)


def violations(database: Database) -> list[str]:
    """Return what is wrong, in words: what `patchbay verify` finds, and a little more.

    All tables are read as of one moment: services may be at work meanwhile.
    """
    with database.snapshot() as connection:
        look = Look(connection, database.dialect, datetime.now(UTC))
        checked = (check for check in all_checks() if check.name not in BY_THE_CLOCK)
        found = [f"{check.name}: {each.what}" for check in checked for each in _broken(look, check)]
        tickets, events = _rows(connection, Ticket), _rows(connection, TicketEvent)
        assignments = _rows(connection, Assignment)
        return [
            *found,
            *_numbers(tickets),
            *_facts(tickets, events, assignments, _rows(connection, Decision)),
            *_deliveries(connection, events),
        ]


#: What is overdue depends on a clock, which tests move and stop.
BY_THE_CLOCK = {"lists-move", "offers-end", "clocks-watched", "events-told"}


def _broken(look: Look, check: Check) -> list[Finding]:
    return examine(look, check, limit=100)[1]


def _numbers(tickets: Rows) -> Iterator[str]:
    numbers = [ticket["number"] for ticket in tickets]
    if len(set(numbers)) != len(numbers):
        yield "two tickets have the same number"


def _facts(tickets: Rows, events: Rows, assignments: Rows, decisions: Rows) -> Iterator[str]:
    """Every assignment was told and explained exactly once."""
    told = Counter(e["ticket_id"] for e in events if e["type"] is EventType.TICKET_ASSIGNED)
    asked = Counter(e["ticket_id"] for e in events if e["type"] is EventType.TICKET_OFFERED)
    made = Counter(r["ticket_id"] for r in assignments if r["accepted_at"] is not None)
    offers = Counter(r["ticket_id"] for r in assignments if r["offered_until"] is not None)
    for ticket in tickets:
        if asked[ticket["id"]] != offers[ticket["id"]]:
            yield f"ticket {ticket['number']} was offered {offers[ticket['id']]} times, not as told"
    accepted = Counter(
        r["ticket_id"]
        for r in assignments
        if r["accepted_at"] is not None and r["offered_until"] is not None
    )
    explained = accepted + Counter(d["ticket_id"] for d in decisions if d["outcome"] == "assigned")
    for ticket in tickets:
        counts = made[ticket["id"]], told[ticket["id"]], explained[ticket["id"]]
        if len(set(counts)) != 1:
            yield f"ticket {ticket['number']}: assignments, events, decisions are {counts}"


def _deliveries(connection: Connection, events: Rows) -> Iterator[str]:
    """Every event is on the outbox or was fanned out to each subscriber that wants it.

    Only for subscribers that are older than the event, enabled and never changed. Of what was
    imported nobody is told.
    """
    pending = {row["id"] for row in _rows(connection, OutboxEntry)}
    made = {(row["event_id"], row["receiver"]) for row in _rows(connection, Delivery)}
    steady = [
        row
        for row in _rows(connection, Subscription)
        if row["enabled"] and row["created_at"] == row["updated_at"]
    ]
    for event in events:
        if event["id"] in pending or '"imported":true' in event["body"]:
            continue
        for subscription in steady:
            wanted = subscription["event_types"]
            is_older = subscription["created_at"] < event["occurred_at"]
            matches = is_older and (not wanted or event["type"].value in wanted)
            if matches and (event["id"], subscription["id"]) not in made:
                yield f"event {event['id']} never became a delivery to {subscription['url']}"


def _rows(connection: Connection, model: type[Base]) -> Rows:
    return [dict(row) for row in connection.execute(select(table(model))).mappings()]
