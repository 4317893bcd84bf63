"""What finished tickets say about agents: counted anew from time to time, over the last months."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Float, Select, Text, case, cast, delete, func, literal, select

from shared.db.engine import Database, Row, rows
from shared.db.models import AgentPerformance, Assignment, Ticket
from shared.db.models.base import table
from shared.db.moments import seconds_between
from shared.domain.agent import AssignmentEnd

#: What is older says little about how somebody works now.
LOOK_BACK = timedelta(days=90)

_PERFORMANCE, _ASSIGNMENTS, _TICKETS = table(AgentPerformance), table(Assignment), table(Ticket)


def count_performance(database: Database, now: datetime) -> None:
    """Replace the figures of all agents, by category and over all of them.

    The handling time is the mean from accepting to resolving, in seconds; a ticket that somebody
    had again afterwards counts as reopened; a rating counts for who resolved it last.
    Counted outside of the transaction that writes.
    """
    category = _TICKETS.c.category
    found: list[Row] = []
    with database.reading() as connection:
        for query in (
            _figures(category, now).where(category.is_not(None)).group_by(category),
            _figures(literal("", Text()), now),
        ):
            found += rows(connection, query)
    with database.transaction() as tx:
        tx.execute(delete(_PERFORMANCE))
        # Another process may count at the same time; one result is as good as the other.
        tx.insert_new(_PERFORMANCE, [_row(row, now) for row in found])


def _row(found: Row, now: datetime) -> dict[str, Any]:
    return {str(name): value for name, value in found.items()} | {"counted_at": now}


def _figures(category: ColumnElement[Any], now: datetime) -> Select[Any]:
    columns = _ASSIGNMENTS.c
    in_turn = func.lead(columns.started_at).over(
        partition_by=columns.ticket_id, order_by=(columns.started_at, columns.id)
    )
    held = (
        select(
            columns.agent_id,
            columns.ticket_id,
            columns.accepted_at,
            columns.ended_at,
            columns.end_reason,
            in_turn.label("again_at"),
        )
        .where((columns.ended_at > now - LOOK_BACK) | columns.ended_at.is_(None))
        .subquery("held")
    )
    rating = _TICKETS.c.satisfaction
    score = cast(rating["score"].as_string(), Float)
    # A rating is about the last solution, and so about who found that.
    rated = (rating["agent_id"].as_string() == held.c.agent_id) & held.c.again_at.is_(None)
    return (
        select(
            held.c.agent_id,
            category.label("category"),
            func.count().label("tickets"),
            func.avg(seconds_between(held.c.accepted_at, held.c.ended_at)).label("handling_s"),
            func.sum(case((held.c.again_at.is_not(None), 1), else_=0)).label("reopened"),
            func.sum(case((rated, 1), else_=0)).label("rated"),
            func.coalesce(func.avg(case((rated, (score - 1) / 4))), 0.0).label("satisfaction"),
        )
        .join(_TICKETS, _TICKETS.c.id == held.c.ticket_id)
        .where(held.c.end_reason == AssignmentEnd.RESOLVED, held.c.accepted_at.is_not(None))
        .group_by(held.c.agent_id)
    )
