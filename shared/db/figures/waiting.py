"""Tickets that wait for an agent: of which team, and for what."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import Connection, func, select

from shared.db.models import Ticket
from shared.db.models.base import table
from shared.db.types import WAITING
from shared.observability.figures import (
    WAITING_NEEDS,
    WAITING_NEEDS_OLDEST,
    WAITING_OLDEST,
    WAITING_TICKETS,
    Figure,
    Sample,
)

_TICKETS = table(Ticket)

#: Each is a series for as long as it is shown. Those with most tickets have a name.
MAX_TEAMS, MAX_NEEDS = 100, 20
OTHER = "other"

#: A name, how many tickets, and since when the first of them waits.
Group = tuple[str, int, datetime]


def read(connection: Connection, now: datetime) -> dict[Figure, Sequence[Sample]]:
    """Return how many wait and for how long, by team and by need."""
    columns = _TICKETS.c
    query = (
        select(columns.team, columns.signature, func.count(), func.min(columns.queued_at))
        .where(columns.work_state == WAITING)
        .group_by(columns.team, columns.signature)
    )
    found = connection.execute(query).all()
    teams = bounded(((team or "", count, at) for team, _, count, at in found), MAX_TEAMS)
    needs = bounded(((need or "", count, at) for _, need, count, at in found), MAX_NEEDS)
    return {
        WAITING_TICKETS: [((name,), count) for name, count, _ in teams],
        WAITING_OLDEST: [((name,), (now - at).total_seconds()) for name, _, at in teams],
        WAITING_NEEDS: [((name,), count) for name, count, _ in needs],
        WAITING_NEEDS_OLDEST: [((name,), (now - at).total_seconds()) for name, _, at in needs],
    }


def bounded(groups: Iterable[Group], limit: int) -> list[Group]:
    """Add up groups of one name; keep the largest `limit` of them, and the rest as “other”."""
    by_name: dict[str, tuple[int, datetime]] = {}
    for name, count, at in groups:
        known, since = by_name.get(name, (0, at))
        by_name[name] = (known + count, min(since, at))
    ranked = sorted(by_name.items(), key=lambda item: (-item[1][0], item[0]))
    kept = [(name, count, at) for name, (count, at) in ranked[:limit]]
    rest = [counted for _, counted in ranked[limit:]]
    if rest:
        kept.append((OTHER, sum(count for count, _ in rest), min(at for _, at in rest)))
    return kept
