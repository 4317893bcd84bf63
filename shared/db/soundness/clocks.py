"""Service levels: the moment at which a clock is looked at follows from the clocks themselves."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import ColumnElement, and_, case, func, or_, select

from shared.db.models import Ticket
from shared.db.models.base import table
from shared.db.moments import moment_in, seconds_between
from shared.db.soundness.accounting import ALIVE
from shared.db.soundness.check import Check, Look, Question
from shared.domain.sla.metric import METRICS, Metric

_TICKETS = table(Ticket)


def next_at(metric: Metric) -> ColumnElement[Any]:
    """Return when a clock next warns or is breached by itself: `Clock.next_at` in SQL."""
    clock = ("clocks", metric.value)
    running = _TICKETS.c.sla[(*clock, "running_since")].as_string()
    breached = _TICKETS.c.sla[(*clock, "breached_at")].as_string()
    text = func.coalesce(
        _TICKETS.c.sla[(*clock, "warn_at")].as_string(),
        _TICKETS.c.sla[(*clock, "due_at")].as_string(),
    )
    return case((and_(running.is_not(None), breached.is_(None)), moment_in(text)))


def _unwatched(look: Look) -> Question:
    """Return living tickets with a clock that is looked at never, or long after its moment.

    Sooner does no harm, and clocks that could not be moved rest for a while.
    """
    moments = [next_at(metric) for metric in METRICS]
    due = _TICKETS.c.sla_due_at
    patience_s = 2 * look.patience.total_seconds()
    query = select(_TICKETS.c.id, _TICKETS.c.number, due.label("due")).where(
        _TICKETS.c.status.in_(ALIVE),
        _TICKETS.c.sla.is_not(None),
        or_(
            *(and_(due.is_(None), moment.is_not(None)) for moment in moments),
            *(seconds_between(moment, due) > patience_s for moment in moments),
        ),
    )
    return Question(query)


def checks() -> Iterator[Check]:
    """Yield the check of clocks."""
    yield Check(
        "clocks-watched",
        "every clock of a service level is looked at when it warns or is breached",
        _unwatched,
        lambda row: (
            f"ticket {row['number']} has a clock that is due before "
            + (f"{row['due']:%Y-%m-%d %H:%M} UTC" if row["due"] else "ever being looked at")
        ),
        "has its clocks looked at now",
    )
