"""How shadow profiles decided beside the live ones, added up from `shadow_decisions`.

Documents are those of `shared.schemas.shadow.ShadowComparisonSchema`.
"""

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, case, func, select

from shared.db.engine import Row, rows
from shared.db.models import Agent, ShadowDecision
from shared.db.models.base import table

#: Pairs of agents that are named for each comparison, the most frequent first.
TOP_PAIRS = 10
#: What is compared, as a pair of columns `live_…` and `shadow_…`.
MEASURES = ("load_share", "score", "urgency", "balance")

_SHADOWS, _AGENTS = table(ShadowDecision), table(Agent)
_COMPARISON = ("team", "live_profile", "shadow_profile")


def shadow_report(connection: Connection, since: datetime, team: str | None) -> list[Row]:
    """Return one document for each team and pair of profiles, of decisions from `since` on."""
    wanted = [_SHADOWS.c.decided_at >= since]
    if team is not None:
        wanted.append(_SHADOWS.c.team == team)
    counts = [
        func.count().label("decisions"),
        _count(_SHADOWS.c.agrees, "agreed"),
        _count(and_(~_SHADOWS.c.agrees, _SHADOWS.c.live_agent_id.is_(None)), "only_live_waits"),
        _count(and_(~_SHADOWS.c.agrees, _SHADOWS.c.shadow_agent_id.is_(None)), "only_shadow_waits"),
        _count(_SHADOWS.c.faults > 0, "with_faults"),
    ]
    means = [each for measure in MEASURES for each in _means(measure)]
    by = [_SHADOWS.c[name] for name in _COMPARISON]
    found = rows(
        connection, select(*by, *counts, *means).where(*wanted).group_by(*by).order_by(*by)
    )
    pairs = _pairs(connection, wanted)
    return [_document(row, pairs[_key(row)]) for row in found]


def _count(condition: ColumnElement[bool], name: str) -> ColumnElement[int]:
    return func.sum(case((condition, 1), else_=0)).label(name)


def _means(measure: str) -> list[ColumnElement[Any]]:
    """Return the means of a measure over the decisions in which both sides have it."""
    live, shadow = _SHADOWS.c[f"live_{measure}"], _SHADOWS.c[f"shadow_{measure}"]
    # A null on either side makes the sum null, which AVG and COUNT leave out.
    return [
        func.count(live + shadow).label(f"{measure}_count"),
        func.avg(case((shadow.is_not(None), live))).label(f"{measure}_live"),
        func.avg(case((live.is_not(None), shadow))).label(f"{measure}_shadow"),
    ]


def _pairs(
    connection: Connection, wanted: list[ColumnElement[bool]]
) -> Mapping[tuple[str, ...], list[Row]]:
    """Return whom the two sides chose where they part, the most frequent pairs first."""
    live, shadow = _SHADOWS.c.live_agent_id, _SHADOWS.c.shadow_agent_id
    by = [_SHADOWS.c[name] for name in _COMPARISON]
    place = func.row_number().over(partition_by=by, order_by=[func.count().desc(), live, shadow])
    counted = (
        select(*by, live, shadow, func.count().label("decisions"), place.label("place"))
        .where(*wanted, ~_SHADOWS.c.agrees)
        .group_by(*by, live, shadow)
        .subquery()
    )
    ours, theirs = _AGENTS.alias(), _AGENTS.alias()
    query = (
        select(counted, ours.c.name.label("live_agent"), theirs.c.name.label("shadow_agent"))
        .outerjoin(ours, ours.c.id == counted.c.live_agent_id)
        .outerjoin(theirs, theirs.c.id == counted.c.shadow_agent_id)
        .where(counted.c.place <= TOP_PAIRS)
        .order_by(counted.c.place)
    )
    found: dict[tuple[str, ...], list[Row]] = defaultdict(list)
    for row in rows(connection, query):
        found[_key(row)].append(row)
    return found


def _key(row: Row) -> tuple[str, ...]:
    return tuple(row[name] for name in _COMPARISON)


def _document(row: Row, pairs: list[Row]) -> Row:
    return {
        **row,
        "agreement": row["agreed"] / row["decisions"],
        **{measure: _difference(row, measure) for measure in MEASURES},
        "parted": pairs,
    }


def _difference(row: Row, measure: str) -> Row | None:
    live, shadow = row[f"{measure}_live"], row[f"{measure}_shadow"]
    if not row[f"{measure}_count"]:
        return None
    return {
        "decisions": row[f"{measure}_count"],
        "live": live,
        "shadow": shadow,
        "difference": shadow - live,
    }
