"""Intake's SQL for the list of tickets: filters, orders, pages by key.

Each filter has an index that ends in the number, so a page of the newest is read from its end; the
planner goes by the most selective one. `tests/contract/test_ticket_list_plans.py` looks at plans.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, or_, select, tuple_

from services.intake.repository import AGENTS, TICKETS, Rows
from shared.db.dialects import Dialect
from shared.db.engine import rows
from shared.domain.clock import rfc3339
from shared.schemas.ticket_list import NONE, TicketSort

_COLUMNS = TICKETS.c

Condition = Callable[[Any], ColumnElement[bool]]


@dataclass(frozen=True, slots=True)
class _Order:
    """An order by a column, the id where that says nothing; only tickets with `where` have one."""

    column: ColumnElement[Any]
    descending: bool = False
    where: ColumnElement[bool] | None = None


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


def tickets(
    connection: Connection,
    dialect: Dialect,
    filters: Mapping[str, Any],
    sort: TicketSort,
    after: Sequence[Any] | None,
    limit: int,
) -> Rows:
    """Return tickets that match all filters, with who has them; `after` is a `position`."""
    return rows(connection, ticket_query(dialect, filters, sort, after, limit))


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
) -> Select[Any]:
    """Return the query behind `tickets`."""
    order = _ORDERS[sort]
    conditions = [_FILTERS[name](value) for name, value in filters.items() if name in _FILTERS]
    if "tag" in filters:
        tags = (dialect.json_array_has(_COLUMNS.tags, tag) for tag in filters["tag"])
        conditions.append(or_(*tags))
    if order.where is not None:
        conditions.append(order.where)
    if after is not None:
        conditions.append(_behind(order, after))
    keys = (order.column, _COLUMNS.id)
    return (
        select(
            TICKETS,
            AGENTS.c.name.label("assignee_name"),
            AGENTS.c.email.label("assignee_email"),
        )
        .outerjoin(AGENTS, AGENTS.c.id == _COLUMNS.assignee_id)
        .where(*conditions)
        .order_by(*(key.desc() if order.descending else key.asc() for key in keys))
        .limit(limit)
    )


def _behind(order: _Order, after: Sequence[Any]) -> ColumnElement[bool]:
    value, ticket_id = after[1:]
    if order.column is not _COLUMNS.number:
        value = datetime.fromisoformat(value)
    here = tuple_(order.column, _COLUMNS.id)
    there = tuple_(value, ticket_id, types=[order.column.type, _COLUMNS.id.type])
    return here < there if order.descending else here > there
