"""The agents in memory, kept up by reading only those that changed.

What it knows may be a moment old. That costs at worst a lost race, which the guard on an agent's
load finds out; it never costs a wrong assignment.
"""

import threading
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, func, literal, select

from services.router.model import Candidate, Performance
from services.router.pool import Pool
from services.router.pool_builder import PoolBuilder
from services.router.working_hours import WorkingHours
from shared.db.engine import Row, Transaction
from shared.db.models import Agent, AgentPerformance, AgentSkill, AgentTeam
from shared.db.models.base import table
from shared.db.revision import horizon
from shared.domain.agent import Presence

#: When everything is read again: performance figures and working hours move on.
REBUILD_AFTER = timedelta(hours=1)
#: Far above any revision. A bound on both sides tells PostgreSQL that few rows are meant.
_NO_REVISION = 2**62

_AGENTS, _PERFORMANCE = table(Agent), table(AgentPerformance)
_SKILLS, _MEMBERS = table(AgentSkill), table(AgentTeam)
_COLUMNS = (
    "id",
    "name",
    "email",
    "presence",
    "capacity",
    "load",
    "idle_since",
    "assigned_at",
    "languages",
    "conflicts",
    "calendar",
    "shifts",
    "updated_at",
)
_MARK = select(horizon().label("horizon")).subquery("mark")
_CHANGED = (
    select(_MARK.c.horizon, *(_AGENTS.c[name] for name in _COLUMNS))
    .select_from(
        _MARK.outerjoin(
            _AGENTS, _AGENTS.c.revision.between(bindparam("since"), literal(_NO_REVISION))
        )
    )
    .order_by(_AGENTS.c.id)
)


class AgentIndex:
    """Pools of all agents, one for each batch. Safe to share between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._builder = PoolBuilder()
        self._edited: dict[str, datetime] = {}
        self._since = 0
        self._usual: Mapping[str, Performance] = {}
        self._hours: WorkingHours | None = None
        self._configuration = 0
        self._built_at: datetime | None = None

    def pool(self, tx: Transaction, configuration: int, now: datetime) -> Pool:
        """Return the agents as they were committed a moment ago.

        A new version of the configuration may be one of calendars or absences: then all is read.
        """
        with self._lock:
            if (
                self._built_at is None
                or configuration != self._configuration
                or now - self._built_at > REBUILD_AFTER
            ):
                self._begin_anew(tx, now)
                self._configuration = configuration
            self._follow(tx)
            return self._builder.pool()

    def _begin_anew(self, tx: Transaction, now: datetime) -> None:
        self._hours = WorkingHours(tx, now)
        self._builder = PoolBuilder(business_hours=self._hours.teams)
        self._edited, self._since = {}, 0
        self._usual = _usual(tx)
        self._built_at = now

    @property
    def usual(self) -> Mapping[str, Performance]:
        """What is usual over all agents, by category; as of the last reading of everything."""
        return self._usual

    def fresh(self, tx: Transaction, pool: Pool, agent_ids: Sequence[str]) -> None:
        """Bring the loads of some agents in a pool up to this very moment."""
        for row in tx.rows(_select().where(_AGENTS.c.id.in_(agent_ids))):
            known = pool.candidates[pool.facts.positions[row["id"]]]
            fresh = _candidate(row, known.teams, known.skills, known.performance, known.shift)
            if row["presence"] is not Presence.ONLINE:
                # Presences do not move in a pool; who has no room is not chosen either.
                fresh = replace(fresh, capacity=0)
            pool.put(fresh)

    def _follow(self, tx: Transaction) -> None:
        rows = tx.rows(_CHANGED, {"since": self._since})
        agents = [row for row in rows if row["id"] is not None]
        edited = [row for row in agents if self._edited.get(row["id"]) != row["updated_at"]]
        self._learn(tx, edited)
        for row in agents:
            if self._edited.get(row["id"]) == row["updated_at"]:
                known = self._builder.get(row["id"])
                if known is not None:
                    self._builder.put(
                        _candidate(row, known.teams, known.skills, known.performance, known.shift)
                    )
        for row in edited:
            self._edited[row["id"]] = row["updated_at"]
        if rows[0]["horizon"] < self._since:
            # The database went back in time: it was restored, or another took its place.
            self._built_at = None
        self._since = rows[0]["horizon"]

    def _learn(self, tx: Transaction, agents: Sequence[Row]) -> None:
        """Read what only an edit changes, and put these agents in."""
        if not agents:
            return
        ids = None if not self._edited else [row["id"] for row in agents]
        skills: dict[str, dict[str, int]] = defaultdict(dict)
        for row in _of(tx, _SKILLS, ids):
            skills[row["agent_id"]][row["skill"]] = row["level"]
        teams: dict[str, set[str]] = defaultdict(set)
        for row in _of(tx, _MEMBERS, ids):
            teams[row["agent_id"]].add(row["team"])
        performance: dict[str, dict[str, Performance]] = defaultdict(dict)
        for row in _of(tx, _PERFORMANCE, ids):
            performance[row["agent_id"]][row["category"]] = _figures(row)
        for row in agents:
            key = row["id"]
            shift = self._hours.of(row) if self._hours else None
            self._builder.put(
                _candidate(row, frozenset(teams[key]), skills[key], performance[key], shift)
            )


def _usual(tx: Transaction) -> dict[str, Performance]:
    columns = _PERFORMANCE.c
    handling = func.sum(columns.tickets * columns.handling_s) / func.sum(columns.tickets)
    satisfaction = func.sum(columns.rated * columns.satisfaction) / func.nullif(
        func.sum(columns.rated), 0
    )
    query = select(
        columns.category,
        func.sum(columns.tickets).label("tickets"),
        handling.label("handling_s"),
        func.sum(columns.reopened).label("reopened"),
        func.sum(columns.rated).label("rated"),
        func.coalesce(satisfaction, 0.0).label("satisfaction"),
    ).group_by(columns.category)
    return {row["category"]: _figures(row) for row in tx.rows(query)}


def _figures(row: Row) -> Performance:
    return Performance(
        int(row["tickets"]),
        row["handling_s"],
        int(row["reopened"]),
        int(row["rated"]),
        row["satisfaction"],
    )


def _select() -> Any:
    return select(*(_AGENTS.c[name] for name in _COLUMNS))


def _of(tx: Transaction, source: Any, ids: Sequence[str] | None) -> Iterable[Row]:
    query = select(source)
    return tx.rows(query if ids is None else query.where(source.c.agent_id.in_(ids)))


def _candidate(row: Row, teams: Any, skills: Any, performance: Any, shift: Any) -> Candidate:
    return Candidate(
        id=row["id"],
        name=row["name"],
        email=row["email"],
        presence=row["presence"],
        capacity=row["capacity"],
        load=row["load"],
        idle_since=row["idle_since"],
        teams=teams,
        skills=skills,
        assigned_at=row["assigned_at"],
        languages=frozenset(row["languages"]),
        conflicts=frozenset(row["conflicts"]),
        shift=shift,
        performance=performance,
    )
