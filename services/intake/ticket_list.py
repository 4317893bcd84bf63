"""Intake's SQL for the list of tickets: filters, orders, pages by key.

Each filter has an index that ends in the number, so a page of the newest is read from its end; the
planner goes by the most selective one. `tests/contract/test_ticket_list_plans.py` looks at plans.

A span of time is the one filter whose tickets stand together in every order. The planner knows
nothing of that: it walks along the order from its beginning, through all that is newer than a month
long ago. So the walk stops after some steps, which is enough for the last days; if it has not found
a page by then, a span that holds few is read first and sorted then.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    and_,
    func,
    literal,
    or_,
    select,
    true,
    tuple_,
)

from services.intake.repository import AGENTS, TICKETS, Rows
from shared.db.dialects import Dialect
from shared.db.engine import rows
from shared.domain.clock import rfc3339
from shared.schemas.ticket_list import NONE, TicketSort

_COLUMNS = TICKETS.c

#: How many tickets of an order are looked at for those of a span of time, in 5 ms or so.
NEAR = 2000
#: Tickets of a span of time that are read and sorted for a page, in a tenth of a second or so.
FEW = 50_000

Condition = Callable[[Any], ColumnElement[bool]]


class Way(Enum):
    """How a page is found.

    ORDER: along the order until it is full. NEAR: the same, but no further than NEAR tickets. SPAN:
    all of a span of time is read, and sorted then.
    """

    ORDER = auto()
    NEAR = auto()
    SPAN = auto()


@dataclass(frozen=True, slots=True)
class _Order:
    """An order by a column, the id where that says nothing; only tickets with `where` have one."""

    column: ColumnElement[Any]
    descending: bool = False
    where: ColumnElement[bool] | None = None

    def by(self, *keys: ColumnElement[Any]) -> list[ColumnElement[Any]]:
        """Return what to order by."""
        return [key.desc() if self.descending else key.asc() for key in keys]


#: What the partial index of due times is of: tickets that are not over.
_ALIVE = and_(_COLUMNS.resolved_at.is_(None), _COLUMNS.closed_at.is_(None))

_ORDERS: dict[TicketSort, _Order] = {
    TicketSort.NEWEST: _Order(_COLUMNS.number, descending=True),
    TicketSort.OLDEST: _Order(_COLUMNS.number),
    TicketSort.LAST_UPDATED: _Order(_COLUMNS.updated_at, descending=True),
    TicketSort.FIRST_UPDATED: _Order(_COLUMNS.updated_at),
    TicketSort.DUE: _Order(_COLUMNS.expected_resolution_at, where=_ALIVE),
}


def _any_of(column: ColumnElement[Any]) -> Condition:
    def condition(values: Sequence[Any]) -> ColumnElement[bool]:
        known = [value for value in values if value != NONE]
        found = column == known[0] if len(known) == 1 else column.in_(known)
        if len(known) == len(values):
            return found
        return or_(column.is_(None), found) if known else column.is_(None)

    return condition


_FILTERS: dict[str, Condition] = {
    **{
        name: _any_of(_COLUMNS[name])
        for name in (
            "status",
            "priority",
            "type",
            "channel",
            "severity",
            "team",
            "category",
            "product",
            "sla_policy",
        )
    },
    "assignee": _any_of(_COLUMNS.assignee_id),
    "requester": _any_of(_COLUMNS.requester_id),
    # Not a filter that callers send, but the bound of a requester's key.
    "owner": lambda requester_id: _COLUMNS.requester_id == requester_id,
    "external_id": lambda value: _COLUMNS.external_id == value,
    "number": lambda value: _COLUMNS.number == value,
    "created_after": lambda at: _COLUMNS.created_at > at,
    "created_before": lambda at: _COLUMNS.created_at < at,
    "updated_after": lambda at: _COLUMNS.updated_at > at,
    "updated_before": lambda at: _COLUMNS.updated_at < at,
    "due_before": lambda at: and_(_ALIVE, _COLUMNS.expected_resolution_at < at),
}

#: Columns of time that have an index, and the filters that bound them.
_SPANS = {
    "created_at": ("created_after", "created_before"),
    "updated_at": ("updated_after", "updated_before"),
    "expected_resolution_at": ("due_before",),
}


def tickets(
    connection: Connection,
    dialect: Dialect,
    filters: Mapping[str, Any],
    sort: TicketSort,
    after: Sequence[Any] | None,
    limit: int,
) -> Rows:
    """Return tickets that match all filters, with who has them; `after` is a `position`."""
    asked = (dialect, filters, sort, after, limit)
    span = _span(filters, sort)
    if not span:
        return rows(connection, ticket_query(*asked))
    found = rows(connection, ticket_query(*asked, way=Way.NEAR))
    if len(found) == limit:
        return found
    way = Way.SPAN if _are_few(connection, span) else Way.ORDER
    return rows(connection, ticket_query(*asked, way=way))


def position(row: Mapping[str, Any], sort: TicketSort) -> list[Any]:
    """Return what a cursor behind this ticket has to know."""
    value = row[str(_ORDERS[sort].column.key)]
    return [sort.value, rfc3339(value) if isinstance(value, datetime) else value, row["id"]]


def ticket_query(
    dialect: Dialect,
    filters: Mapping[str, Any],
    sort: TicketSort,
    after: Sequence[Any] | None,
    limit: int,
    *,
    way: Way = Way.ORDER,
) -> Select[Any]:
    """Return the query behind `tickets`."""
    order = _ORDERS[sort]
    conditions = [_FILTERS[name](value) for name, value in filters.items() if name in _FILTERS]
    if "tag" in filters:
        tags = (dialect.json_array_has(_COLUMNS.tags, tag) for tag in filters["tag"])
        conditions.append(or_(*tags))
    place = [] if order.where is None else [order.where]
    if after is not None:
        place.append(_behind(order, after))
    if way is Way.NEAR:
        conditions = [_COLUMNS.id.in_(_nearest(order, place, conditions, limit))]
    elif way is Way.SPAN:
        conditions = [_COLUMNS.id.in_(_first(order, [*conditions, *place], limit))]
    else:
        conditions += place
    return (
        select(
            TICKETS,
            AGENTS.c.name.label("assignee_name"),
            AGENTS.c.email.label("assignee_email"),
        )
        .outerjoin(AGENTS, AGENTS.c.id == _COLUMNS.assignee_id)
        .where(*conditions)
        .order_by(*order.by(order.column, _COLUMNS.id))
        .limit(limit)
    )


def _nearest(
    order: _Order,
    place: Sequence[ColumnElement[bool]],
    conditions: Sequence[ColumnElement[bool]],
    limit: int,
) -> Select[tuple[str]]:
    """Return the ids of a page of the next tickets of an order; each is judged where it is read."""
    fits = and_(true(), *conditions).label("fits")
    found = select(_COLUMNS.id, order.column.label("value"), fits).where(*place)
    found = found.order_by(*order.by(order.column, _COLUMNS.id)).limit(NEAR)
    near = found.subquery()
    return (
        select(near.c.id)
        .where(near.c.fits)
        .order_by(*order.by(near.c.value, near.c.id))
        .limit(limit)
    )


def _first(
    order: _Order, conditions: Sequence[ColumnElement[bool]], limit: int
) -> Select[tuple[str]]:
    """Return the ids of a page. OFFSET 0 keeps the order out of how its tickets are found."""
    found = select(_COLUMNS.id, order.column.label("value")).where(*conditions).offset(0).subquery()
    return select(found.c.id).order_by(*order.by(found.c.value, found.c.id)).limit(limit)


def _span(filters: Mapping[str, Any], sort: TicketSort) -> Sequence[ColumnElement[bool]]:
    """Return the span of time that is asked for, unless it is one of the order itself."""
    for column, names in _SPANS.items():
        found = [_FILTERS[name](filters[name]) for name in names if name in filters]
        if found and _ORDERS[sort].column is not _COLUMNS[column]:
            return found
    return ()


def _are_few(connection: Connection, span: Sequence[ColumnElement[bool]]) -> bool:
    # Nothing of the tickets themselves is asked for: the index alone can tell.
    some = select(literal(1).label("one")).select_from(TICKETS).where(*span).limit(FEW + 1)
    counted: int = connection.execute(
        select(func.count()).select_from(some.subquery())
    ).scalar_one()
    return counted <= FEW


def _behind(order: _Order, after: Sequence[Any]) -> ColumnElement[bool]:
    value, ticket_id = after[1:]
    if order.column is not _COLUMNS.number:
        value = datetime.fromisoformat(value)
    here = tuple_(order.column, _COLUMNS.id)
    there = tuple_(value, ticket_id, types=[order.column.type, _COLUMNS.id.type])
    return here < there if order.descending else here > there
