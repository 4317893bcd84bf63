"""Finding dead rows, and what is known of one."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, func, select

from shared.db.dead.lists import LISTS, DeadList
from shared.db.engine import Row, first, rows
from shared.db.models import DeliveryAttempt, DroppedWork, TicketEvent
from shared.db.models.base import table
from shared.domain.work import ListName, WorkState

_ATTEMPTS, _EVENTS = table(DeliveryAttempt), table(TicketEvent)
_DROPPED = table(DroppedWork)

#: What is told of the past of one row.
MAX_HISTORY = 50


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which rows: of which lists, dead since when, with what in their error, in which state.

    `unknown` asks for mails whose fate nobody can tell, in place of what is dead.
    """

    lists: Sequence[DeadList] = LISTS
    since: datetime | None = None
    error: str | None = None
    unknown: bool = False

    @property
    def state(self) -> WorkState:
        """Return the state that is looked for."""
        return WorkState.UNKNOWN if self.unknown else WorkState.DEAD


@dataclass(frozen=True, slots=True)
class DeadRow:
    """A row that gave up. `died_at` is when it was tried last."""

    list: DeadList
    key: str
    owner: str | None
    about: str
    state: str
    attempts: int
    error: str | None
    died_at: datetime | None


@dataclass(frozen=True, slots=True)
class Past:
    """One thing that happened to a row, or to what it is of."""

    at: datetime
    what: str


@dataclass(frozen=True, slots=True)
class Story:
    """A dead row with its past, the oldest first."""

    row: DeadRow
    past: Sequence[Past] = field(default=())


def conditions(wanted: Wanted, each: DeadList) -> list[ColumnElement[bool]]:
    """Return what the rows of a list must meet."""
    columns = each.table.c
    met = [columns.work_state == wanted.state, each.condition]
    if wanted.since is not None:
        met.append(columns[each.died] >= wanted.since)
    if wanted.error is not None:
        met.append(func.lower(columns.last_error).contains(wanted.error.lower(), autoescape=True))
    return met


def counts(connection: Connection, wanted: Wanted) -> dict[ListName, int]:
    """Return how many rows each list has."""
    found = {}
    for each in wanted.lists:
        query = select(func.count()).select_from(each.table).where(*conditions(wanted, each))
        found[each.name] = int(connection.execute(query).scalar_one())
    return found


def dead_rows(connection: Connection, wanted: Wanted, limit: int) -> list[DeadRow]:
    """Return rows, list by list, of each list those that died last first."""
    found: list[DeadRow] = []
    for each in wanted.lists:
        query = _query(each, conditions(wanted, each)).limit(limit - len(found))
        found += [_dead(each, row) for row in rows(connection, query)]
        if len(found) >= limit:
            break
    return found


def keys_of(
    connection: Connection, wanted: Wanted, each: DeadList, after: str, limit: int
) -> list[str]:
    """Return keys of a list's rows in their order, from after one on."""
    key = each.table.c[each.work_list.key]
    query = select(key).where(*conditions(wanted, each), key > after).order_by(key).limit(limit)
    return list(connection.execute(query).scalars())


def story(connection: Connection, key: str) -> Story | None:
    """Return a dead or unknown row with its past; None if there is none of this key."""
    for each in LISTS:
        if not key.startswith(f"{each.prefix}_"):
            continue
        columns = each.table.c
        states = columns.work_state.in_([WorkState.DEAD, WorkState.UNKNOWN])
        mine = [columns[each.work_list.key] == key, states, each.condition]
        row = first(connection, _query(each, mine))
        if row is not None:
            past = sorted(_past(connection, each, row), key=lambda one: one.at)
            return Story(_dead(each, row), past)
    return None


def dropped(connection: Connection, limit: int) -> list[Row]:
    """Return what was dropped, the latest first."""
    return rows(connection, select(_DROPPED).order_by(_DROPPED.c.dropped_at.desc()).limit(limit))


def _query(each: DeadList, met: Sequence[ColumnElement[bool]]) -> Select[Any]:
    # Not all columns: bodies of chunks and descriptions of tickets are large.
    columns = each.table.c
    needed = [column for column in columns if column.name not in _LARGE]
    key = columns[each.work_list.key]
    return select(*needed).where(*met).order_by(columns[each.died].desc(), key.desc())


_LARGE = {"body", "results", "description", "payload", "answer", "question", "sla", "asked"}


def _dead(each: DeadList, row: Row) -> DeadRow:
    return DeadRow(
        each,
        row[each.work_list.key],
        None if each.owner is None else row[each.owner],
        each.about(row),
        str(row["work_state"]),
        row["attempts"],
        row["last_error"],
        row[each.died],
    )


def _past(connection: Connection, each: DeadList, row: Row) -> Iterator[Past]:
    """Yield what was tried; of a ticket and its events what happened to the ticket."""
    if each.prefix == "dlv":
        query = select(_ATTEMPTS).where(_ATTEMPTS.c.delivery_id == row["id"])
        for tried in rows(connection, query.order_by(_ATTEMPTS.c.id.desc()).limit(MAX_HISTORY)):
            status = f" {tried['status']}" if tried["status"] else ""
            detail = tried["operator_detail"] or tried["detail"]
            yield Past(
                tried["finished_at"],
                f"attempt {tried['number']}: {tried['outcome']}{status} {detail}".rstrip(),
            )
    elif each.owner in ("id", "ticket_id"):
        query = (
            select(_EVENTS.c.sequence, _EVENTS.c.type, _EVENTS.c.actor, _EVENTS.c.occurred_at)
            .where(_EVENTS.c.ticket_id == row[each.owner])
            .order_by(_EVENTS.c.sequence.desc())
            .limit(MAX_HISTORY)
        )
        for event in rows(connection, query):
            said = f"event {event['sequence']}: {event['type']} by {event['actor']}"
            yield Past(event["occurred_at"], said)
