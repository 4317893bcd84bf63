"""Clocks of service levels: how many run, are about to be breached, and are."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, case, func, select

from shared.db.models import Ticket
from shared.db.models.base import table
from shared.domain.sla.metric import METRICS, Metric
from shared.observability.figures import SLA_CLOCKS, Figure, Sample

_TICKETS = table(Ticket)

STATES = ("breached", "at_risk", "running", "paused")


def read(connection: Connection, _: datetime) -> dict[Figure, Sequence[Sample]]:
    """Return how many clocks of unresolved tickets are in which state."""
    states = {metric: _state(metric).label(metric.value) for metric in METRICS}
    # By the clocks' documents, once each: what is counted below are short words.
    unresolved = (
        select(*states.values())
        .where(_TICKETS.c.resolved_at.is_(None), _TICKETS.c.closed_at.is_(None))
        .subquery("clocks")
    )
    columns = [unresolved.c[metric.value] for metric in METRICS]
    query = select(*columns, func.count()).group_by(*columns)
    counts = {(metric, state): 0 for metric in METRICS for state in STATES}
    for *found, count in connection.execute(query):
        for metric, state in zip(METRICS, found, strict=True):
            if state is not None:
                counts[metric, state] += count
    return {SLA_CLOCKS: [((metric.value, state), n) for (metric, state), n in counts.items()]}


def _state(metric: Metric) -> ColumnElement[str | None]:
    """Say in one word how a clock is; null where there is none, or it is over."""
    clock: Any = _TICKETS.c.sla["clocks"][metric.value]

    def has(name: str) -> ColumnElement[bool]:
        told: ColumnElement[bool] = clock[name].as_string().is_not(None)
        return told

    return case(
        (has("fulfilled_at") | has("cancelled_at"), None),
        (has("breached_at"), "breached"),
        (has("started_at") & ~has("running_since"), "paused"),
        (has("warned_at"), "at_risk"),
        (has("running_since"), "running"),
        else_=None,
    )
