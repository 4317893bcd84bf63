"""When assignments began and ended, by the order in which the database committed.

The times in the rows are clocks of processes, read before the commit: they leap, they differ, and
by them an agent seems to have two tickets at once of which one came when the other had gone. In the
order of commits it does not: whoever wants the room that a ticket leaves waits until that is
committed, and commits later.

SQLite has one writer, so the rows of the append-only events are numbered in that order. PostgreSQL
tells the moment of each commit if `track_commit_timestamp` is on; where it is off nothing is known.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import BigInteger, Connection, RowMapping, literal_column, select

from shared.db.models import TicketEvent
from shared.db.models.base import table
from shared.domain.event import EventType

_EVENTS = table(TicketEvent)

#: The place of an event in the order of commits, by dialect; on PostgreSQL in microseconds.
_PLACES = {
    "sqlite": "ticket_events.rowid",
    "postgresql": (
        "CAST(extract(epoch FROM pg_xact_commit_timestamp(ticket_events.xmin)) * 1000000 AS bigint)"
    ),
}
_TRACKED = "SELECT current_setting('track_commit_timestamp') = 'on'"
#: The events by which somebody gets a ticket; both name the assignment.
_BEGINNINGS = {EventType.TICKET_ASSIGNED, EventType.TICKET_OFFERED}


@dataclass(frozen=True, slots=True)
class Span:
    """From which commit to which an assignment was there; None where that is not known."""

    began: int | None = None
    ended: int | None = None


@dataclass(frozen=True, slots=True)
class _Placed:
    """An event and its place; `assignment` is the one that begins with it, if one does."""

    sequence: int
    occurred_at: datetime
    place: int | None
    assignment: str | None


def spans(connection: Connection, assignments: Sequence[RowMapping]) -> dict[str, Span]:
    """Return the span of each assignment, by its id."""
    events = _placed_events(connection)
    return {row["id"]: _span(row, events.get(row["ticket_id"], [])) for row in assignments}


def _span(assignment: RowMapping, events: Sequence[_Placed]) -> Span:
    """Return the span of an assignment from the events of its ticket, in their sequence.

    It ends with the event that has its time. Of several at one moment the first counts, which may
    be too early: so it is never longer than it was.
    """
    begin = next((each for each in events if each.assignment == assignment["id"]), None)
    if begin is None:
        return Span()
    ends = (
        each.place
        for each in events
        if each.sequence > begin.sequence and each.occurred_at == assignment["ended_at"]
    )
    return Span(begin.place, next(ends, None))


def _placed_events(connection: Connection) -> dict[str, list[_Placed]]:
    """Return the events of each ticket in their sequence; none where no order is known."""
    dialect = connection.dialect.name
    if dialect == "postgresql" and not connection.exec_driver_sql(_TRACKED).scalar_one():
        return {}
    place = literal_column(_PLACES[dialect], BigInteger()).label("place")
    columns = _EVENTS.c
    query = select(
        columns.ticket_id, columns.sequence, columns.type, columns.occurred_at, columns.body, place
    )
    found: dict[str, list[_Placed]] = {}
    for row in connection.execute(query.order_by(columns.sequence)):
        begins = row.type in _BEGINNINGS
        assignment = json.loads(row.body)["data"]["assignment"]["id"] if begins else None
        placed = _Placed(row.sequence, row.occurred_at, row.place, assignment)
        found.setdefault(row.ticket_id, []).append(placed)
    return found
