"""The router's SQL: who could take tickets, what waits, and the decisions."""

import threading
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import and_, exists, func, literal_column, select

from services.router.model import Candidate, Need
from services.router.rules import NO_RULES, RuleSet, parse_rules
from shared.db.engine import Row, Transaction
from shared.db.models import (
    Agent,
    AgentSkill,
    AgentTeam,
    ConfigurationVersion,
    Decision,
    Requirement,
    RoutingRules,
    Team,
    Ticket,
)
from shared.db.models.base import table
from shared.db.types import WAITING
from shared.domain.work import WorkState
from shared.observability.logging import get_logger
from shared.schemas.team import DEFAULT_WEIGHTS

log = get_logger()

_AGENTS, _TICKETS, _TEAMS = table(Agent), table(Ticket), table(Team)
_REQUIREMENTS, _DECISIONS = table(Requirement), table(Decision)
_SKILLS, _MEMBERS = table(AgentSkill), table(AgentTeam)
_RULES, _VERSIONS = table(RoutingRules), table(ConfigurationVersion)


@dataclass(frozen=True, slots=True)
class Configuration:
    """Everything that routing depends on and that changes only when somebody edits it."""

    version: int
    rules: RuleSet
    weights: Mapping[str, Mapping[str, float]]
    returning_teams: frozenset[str]
    skills: Mapping[str, Mapping[str, int]]
    teams: Mapping[str, frozenset[str]]

    def weights_of(self, team: str | None) -> Mapping[str, float]:
        """Return a team's weights; those of no team are the defaults."""
        return self.weights.get(team or "", DEFAULT_WEIGHTS)

    def returns_untouched(self, team: str | None) -> bool:
        """Tell whether tickets of this team leave an agent who goes offline."""
        return team is None or team in self.returning_teams


class RouterRepository:
    """Reads and writes for the router's use cases. Safe to share between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._configuration: Configuration | None = None

    def configuration(self, tx: Transaction) -> Configuration:
        """Return the configuration, read again only if its version moved."""
        version = tx.execute(select(_VERSIONS.c.version)).scalar_one()
        with self._lock:
            if self._configuration is None or self._configuration.version != version:
                self._configuration = _read_configuration(tx, version)
            return self._configuration

    def candidates(self, tx: Transaction, configuration: Configuration) -> list[Candidate]:
        """Return every agent, as it is now in this transaction, by id."""
        columns = _AGENTS.c
        query = select(
            columns.id,
            columns.name,
            columns.email,
            columns.presence,
            columns.capacity,
            columns.load,
            columns.idle_since,
        ).order_by(columns.id)
        nobody: frozenset[str] = frozenset()
        return [
            Candidate(
                **row,
                teams=configuration.teams.get(row["id"], nobody),
                skills=configuration.skills.get(row["id"], {}),
            )
            for row in tx.rows(query)
        ]

    def waiting_needs(self, tx: Transaction) -> list[Need]:
        """Return the distinct needs that tickets are waiting with."""
        waiting = select(_TICKETS.c.id).where(
            and_(
                _TICKETS.c.work_state == WAITING,
                _TICKETS.c.signature == _REQUIREMENTS.c.signature,
            )
        )
        columns = (_REQUIREMENTS.c.signature, _REQUIREMENTS.c.team, _REQUIREMENTS.c.skills)
        query = select(*columns).where(exists(waiting))
        return readable_needs(tx.rows(query))

    def claim_waiting(self, tx: Transaction, need: Need, limit: int) -> list[Row]:
        """Lock and return the most urgent tickets that wait with this need."""
        query = (
            select(_TICKETS)
            .where(
                _TICKETS.c.work_state == WAITING,
                _TICKETS.c.signature == need.signature,
            )
            .order_by(_TICKETS.c.rank, _TICKETS.c.created_at)
            .limit(limit)
            .with_for_update(skip_locked=True, key_share=True)
        )
        return tx.rows(query)

    def count_waiting(self, tx: Transaction, need: Need, limit: int) -> int:
        """Return how many tickets wait with this need, locked or not, counted up to a limit."""
        some = (
            select(_TICKETS.c.id)
            .where(_TICKETS.c.work_state == WAITING, _TICKETS.c.signature == need.signature)
            .limit(limit)
            .subquery()
        )
        return int(tx.execute(select(func.count()).select_from(some)).scalar_one())

    def claim_untouched(self, tx: Transaction, agent_id: str) -> list[Row]:
        """Lock and return the open tickets of an agent that nobody has worked on."""
        query = (
            select(_TICKETS)
            .where(
                _TICKETS.c.assignee_id == agent_id,
                _TICKETS.c.status == literal_column("'open'"),
                _TICKETS.c.touched_at.is_(None),
            )
            .with_for_update(skip_locked=True, key_share=True)
        )
        return tx.rows(query)

    def mark_idle(self, tx: Transaction, agents: Sequence[str], signatures: Sequence[str]) -> None:
        """Take agents and requirements off the matching list."""
        idle = WorkState.IDLE
        tx.update(_AGENTS, [{"id": agent_id, "work_state": idle} for agent_id in agents])
        tx.update(
            _REQUIREMENTS,
            [{"signature": signature, "work_state": idle} for signature in signatures],
            key=("signature",),
        )

    def expect(self, tx: Transaction, needs: Sequence[Need], now: datetime) -> None:
        """Put the needs of tickets that were just parked on the matching list.

        In the order of their signatures, so that two routers cannot wait for each other in a
        circle.
        """
        rows = [
            {
                "signature": need.signature,
                "team": need.team,
                "skills": [list(pair) for pair in need.skills],
                "work_state": WorkState.READY,
                "available_at": now,
                "attempts": 0,
            }
            for need in sorted(set(needs), key=lambda need: need.signature)
        ]
        statement = tx.dialect.upsert(
            _REQUIREMENTS, key=("signature",), update=("work_state", "available_at")
        )
        for row in rows:
            tx.execute(statement, row)

    def record(self, tx: Transaction, decisions: Sequence[Mapping[str, Any]]) -> None:
        """Keep decisions."""
        tx.insert(_DECISIONS, decisions)


def readable_needs(requirements: Sequence[Mapping[str, Any]]) -> list[Need]:
    """Return the needs that requirement rows hold; one that makes no sense stops only itself."""
    needs = []
    for requirement in requirements:
        try:
            needs.append(_need(requirement))
        except (TypeError, ValueError):
            log.exception("requirement.unreadable", signature=requirement.get("signature"))
    return needs


def _need(requirement: Mapping[str, Any]) -> Need:
    return Need(
        requirement["team"], tuple((skill, level) for skill, level in requirement["skills"])
    )


def _read_configuration(tx: Transaction, version: int) -> Configuration:
    newest = select(_RULES).order_by(_RULES.c.version.desc()).limit(1)
    rules = tx.first(newest)
    weights, returning = {}, set()
    for team in tx.rows(select(_TEAMS)):
        weights[team["name"]] = {**DEFAULT_WEIGHTS, **team["weights"]}
        if team["return_untouched"]:
            returning.add(team["name"])
    skills: dict[str, dict[str, int]] = defaultdict(dict)
    for row in tx.rows(select(_SKILLS)):
        skills[row["agent_id"]][row["skill"]] = row["level"]
    teams: dict[str, set[str]] = defaultdict(set)
    for row in tx.rows(select(_MEMBERS)):
        teams[row["agent_id"]].add(row["team"])
    return Configuration(
        version=version,
        rules=parse_rules(rules["version"], rules["rules"], rules["time_zone"])
        if rules
        else NO_RULES,
        weights=weights,
        returning_teams=frozenset(returning),
        skills=dict(skills),
        teams={agent_id: frozenset(names) for agent_id, names in teams.items()},
    )
