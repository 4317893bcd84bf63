"""What finished tickets say about agents: counted anew from time to time, over the last months."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    Text,
    case,
    delete,
    exists,
    func,
    insert,
    literal,
    select,
)

from shared.db.engine import Database
from shared.db.models import AgentPerformance, Assignment, Ticket
from shared.db.models.base import table
from shared.db.moments import seconds_between
from shared.domain.agent import AssignmentEnd

#: What is older says little about how somebody works now.
LOOK_BACK = timedelta(days=90)

_PERFORMANCE, _ASSIGNMENTS, _TICKETS = table(AgentPerformance), table(Assignment), table(Ticket)
_AGAIN = _ASSIGNMENTS.alias("again")


def count_performance(database: Database, now: datetime) -> None:
    """Replace the figures of all agents, by category and over all of them.

    The handling time is the mean from accepting to resolving, in seconds; a ticket that somebody
    had again afterwards counts as reopened.
    """
    columns = ("agent_id", "category", "tickets", "handling_s", "reopened", "counted_at")
    with database.transaction() as tx:
        tx.execute(delete(_PERFORMANCE))
        category = _TICKETS.c.category
        named = _figures(category, now).where(category.is_not(None)).group_by(category)
        for query in (named, _figures(literal("", Text()), now)):
            tx.execute(insert(_PERFORMANCE).from_select(columns, query))


def _figures(category: ColumnElement[Any], now: datetime) -> Select[Any]:
    reopened = exists().where(
        _AGAIN.c.ticket_id == _ASSIGNMENTS.c.ticket_id,
        _AGAIN.c.started_at > _ASSIGNMENTS.c.ended_at,
    )
    handling = seconds_between(_ASSIGNMENTS.c.accepted_at, _ASSIGNMENTS.c.ended_at)
    return (
        select(
            _ASSIGNMENTS.c.agent_id,
            category,
            func.count(),
            func.avg(handling),
            func.sum(case((reopened, 1), else_=0)),
            literal(now, _PERFORMANCE.c.counted_at.type),
        )
        .join(_TICKETS, _TICKETS.c.id == _ASSIGNMENTS.c.ticket_id)
        .where(
            _ASSIGNMENTS.c.end_reason == AssignmentEnd.RESOLVED,
            _ASSIGNMENTS.c.accepted_at.is_not(None),
            _ASSIGNMENTS.c.ended_at > now - LOOK_BACK,
        )
        .group_by(_ASSIGNMENTS.c.agent_id)
    )
