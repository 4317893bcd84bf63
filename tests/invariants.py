"""What must be true of every database at every moment, whatever was killed, doubled or reordered.

`violations` reads the tables and says what is wrong; an empty list means sound. Used by the
integration tests, the fault suite and anybody who wants to know.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, select

from shared.db.engine import Database
from shared.db.models import (
    Agent,
    Assignment,
    Base,
    Decision,
    Delivery,
    OutboxEntry,
    Requester,
    RequesterIdentity,
    Subscription,
    Ticket,
    TicketEvent,
)
from shared.db.models.base import table
from shared.domain.event import EventType
from shared.domain.ticket import PAUSED_STATUSES, TicketStatus
from shared.domain.work import WorkState

Rows = list[Mapping[str, Any]]


def assert_sound(database: Database) -> None:
    """Fail with every violation, one a line."""
    found = violations(database)
    assert not found, "\n".join(found)


def violations(database: Database) -> list[str]:
    """Return what is wrong, in words.

    All tables are read as of one moment: services may be at work meanwhile.
    """
    with _one_moment(database) as connection:
        tickets, events = _rows(connection, Ticket), _rows(connection, TicketEvent)
        assignments, agents = _rows(connection, Assignment), _rows(connection, Agent)
        requesters = _rows(connection, Requester)
        return [
            *_requesters(tickets, requesters, _rows(connection, RequesterIdentity)),
            *_assignments(tickets, assignments),
            *_loads(agents, assignments),
            *_sequences(tickets, events),
            *_facts(tickets, events, assignments, _rows(connection, Decision)),
            *_deliveries(connection, events),
        ]


def _requesters(tickets: Rows, requesters: Rows, identities: Rows) -> Iterator[str]:
    """Tickets and addresses belong to requesters who are there and were not merged."""
    left = {row["id"] for row in requesters if row["merged_into"] is None}
    for ticket in tickets:
        if ticket["requester_id"] not in left:
            yield f"ticket {ticket['number']} has the requester {ticket['requester_id']}"
        if ticket["requester"].get("id") != ticket["requester_id"]:
            yield f"ticket {ticket['number']} shows another requester than it has"
    for row in identities:
        if row["requester_id"] not in left:
            yield f"the {row['kind']} {row['value']} has the requester {row['requester_id']}"
    for row in requesters:
        if row["merged_into"] is not None and row["merged_into"] not in left:
            yield f"the requester {row['id']} was merged into {row['merged_into']}"


def _assignments(tickets: Rows, assignments: Rows) -> Iterator[str]:
    open_by_ticket = defaultdict(list)
    for row in assignments:
        if row["ended_at"] is None:
            open_by_ticket[row["ticket_id"]].append(row["agent_id"])
    for ticket in tickets:
        holders = open_by_ticket[ticket["id"]]
        name = f"ticket {ticket['number']}"
        if len(holders) > 1:
            yield f"{name} has {len(holders)} open assignments"
        is_open = ticket["status"] is TicketStatus.OPEN
        paused = ticket["status"] in PAUSED_STATUSES and ticket["assignee_id"] is not None
        offered = ticket["offered_to"]
        if offered is not None:
            if holders != [offered] or ticket["status"] is not TicketStatus.NEW:
                yield f"{name} is offered to {offered}, its assignments say {holders}"
            continue
        if (is_open or paused) and holders != [ticket["assignee_id"]]:
            yield f"{name} is with {ticket['assignee_id']}, its assignments say {holders}"
        if not (is_open or paused) and holders:
            yield f"{name} is {ticket['status']} and has an open assignment"
        if ticket["status"] is TicketStatus.NEW and ticket["assignee_id"] is not None:
            yield f"{name} is new and has an assignee"
        if paused and ticket["work_state"] is not WorkState.DONE:
            yield f"{name} is paused and {ticket['work_state']} on the routing list"
        if is_open and ticket["work_state"] not in (WorkState.DONE, WorkState.READY):
            yield f"{name} is open and {ticket['work_state']} on the routing list"


def _loads(agents: Rows, assignments: Rows) -> Iterator[str]:
    sums: Counter[str] = Counter()
    for row in assignments:
        if row["ended_at"] is None:
            sums[row["agent_id"]] += row["weight"]
    for agent in agents:
        name = agent["name"]
        if agent["load"] != sums[agent["id"]]:
            yield f"{name} has load {agent['load']}, the open assignments say {sums[agent['id']]}"
        if agent["overcommit"] != max(0, agent["load"] - agent["capacity"]):
            yield (
                f"{name} has load {agent['load']} of {agent['capacity']} "
                f"and overcommit {agent['overcommit']}"
            )


def _sequences(tickets: Rows, events: Rows) -> Iterator[str]:
    sequences = defaultdict(list)
    for event in events:
        sequences[event["ticket_id"]].append(event["sequence"])
    for ticket in tickets:
        found = sorted(sequences[ticket["id"]])
        if found != list(range(1, ticket["version"] + 1)):
            yield f"ticket {ticket['number']} is at version {ticket['version']}, events: {found}"
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


@contextmanager
def _one_moment(database: Database) -> Iterator[Connection]:
    """Open a connection whose reads all see the same moment, as SQLite's do in a transaction."""
    with database.reading() as connection:
        if connection.dialect.name == "postgresql":
            connection.execution_options(isolation_level="REPEATABLE READ")
        yield connection


def _rows(connection: Connection, model: type[Base]) -> Rows:
    return [dict(row) for row in connection.execute(select(table(model))).mappings()]
