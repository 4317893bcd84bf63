"""Intake's SQL for the list of tickets: filters, orders, pages by key.

Each filter has an index that ends in the number, so a page of the newest is read from its end; the
planner goes by the most selective one. `tests/contract/test_ticket_list_plans.py` looks at plans.

A span of time is the one filter whose tickets stand together in every order. The planner knows
nothing of that: it walks along the order from its beginning, through all that is newer than a month
long ago. So a span that holds few is read first and sorted then.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, func, or_, select, tuple_

from services.intake.repository import AGENTS, TICKETS, Rows
from shared.db.dialects import Dialect
from shared.db.engine import rows
from shared.domain.clock import rfc3339
from shared.schemas.ticket_list import NONE, TicketSort

_COLUMNS = TICKETS.c

#: Tickets of a span of time that are read and sorted for a page, in 30 ms or so at the most.
FEW = 20_000

Condition = Callable[[Any], ColumnElement[bool]]


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
    span = _span(filters, sort)
    sorted_last = bool(span) and _are_few(connection, span)
    query = ticket_query(dialect, filters, sort, after, limit, sorted_last=sorted_last)
    return rows(connection, query)


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
    sorted_last: bool = False,
) -> Select[Any]:
    """Return the query behind `tickets`; `sorted_last` reads all that match before it sorts."""
    order = _ORDERS[sort]
    conditions = [_FILTERS[name](value) for name, value in filters.items() if name in _FILTERS]
    if "tag" in filters:
        tags = (dialect.json_array_has(_COLUMNS.tags, tag) for tag in filters["tag"])
        conditions.append(or_(*tags))
    if order.where is not None:
        conditions.append(order.where)
    if after is not None:
        conditions.append(_behind(order, after))
    if sorted_last:
        conditions = [_COLUMNS.id.in_(_first(order, conditions, limit))]
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
    some = select(_COLUMNS.id).where(*span).limit(FEW + 1).subquery()
    counted: int = connection.execute(select(func.count()).select_from(some)).scalar_one()
    return counted <= FEW


def _behind(order: _Order, after: Sequence[Any]) -> ColumnElement[bool]:
    value, ticket_id = after[1:]
    if order.column is not _COLUMNS.number:
        value = datetime.fromisoformat(value)
    here = tuple_(order.column, _COLUMNS.id)
    there = tuple_(value, ticket_id, types=[order.column.type, _COLUMNS.id.type])
    return here < there if order.descending else here > there
