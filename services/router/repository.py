"""The router's SQL: what decides, the agents, and the decisions."""

import threading
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Text, select

from services.router.agent_index import AgentIndex
from services.router.configuration import Configuration
from services.router.model import Context
from services.router.pool import Pool
from services.router.profile import default_profile, parse_profile
from services.router.rules import NO_RULES, parse_rules
from services.router.strategy import StrategyBuilder
from services.router.team_policy import policies
from services.router.waiting_repository import WaitingRepository
from services.router.watchdog import Watchdog
from shared.db.engine import Transaction
from shared.db.models import (
    ConfigurationVersion,
    Decision,
    Profile,
    RoutingRules,
    ShadowDecision,
    Team,
    Ticket,
)
from shared.db.models.base import table

#: How long, in seconds, a plugin of somebody else may take in one batch.
PLUGIN_LIMIT_S = 2.0

_TICKETS, _TEAMS = table(Ticket), table(Team)
_DECISIONS, _SHADOWS = table(Decision), table(ShadowDecision)
_RULES, _VERSIONS, _PROFILES = table(RoutingRules), table(ConfigurationVersion), table(Profile)
_VERSION = select(_VERSIONS.c.version)


class RouterRepository(WaitingRepository):
    """Reads and writes for the router's use cases. Safe to share between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._configuration: Configuration | None = None
        self._index = AgentIndex()
        self.watchdog = Watchdog(PLUGIN_LIMIT_S)
        self._builder = StrategyBuilder(self.watchdog)

    def configuration(self, tx: Transaction) -> Configuration:
        """Return the configuration, read again only if its version moved."""
        version = tx.execute(_VERSION).scalar_one()
        with self._lock:
            if self._configuration is None or self._configuration.version != version:
                self._configuration = _read_configuration(tx, version, self._builder)
            return self._configuration

    def pool(self, tx: Transaction, configuration: Configuration, now: datetime) -> Pool:
        """Return all agents, as they were committed a moment ago."""
        return self._index.pool(tx, configuration.version, now)

    def context(self, pool: Pool, now: datetime) -> Context:
        """Return what is true for all tickets of a batch."""
        return Context(now, pool.facts.supply, self._index.usual)

    def refresh(self, tx: Transaction, pool: Pool, agent_ids: Sequence[str]) -> None:
        """Bring the loads of some agents in a pool up to this very moment."""
        self._index.fresh(tx, pool, agent_ids)

    def familiar_agents(
        self, tx: Transaction, requesters: Sequence[str], besides: Collection[str] = ()
    ) -> dict[str, str]:
        """Return who served these requesters last, by requester.

        Tickets whose ids are in `besides` do not count.
        """
        asked = tx.dialect.rows_as_table("asked", {"requester": Text()})
        served = [
            _TICKETS.c.requester_id == asked.c.requester,
            _TICKETS.c.assignee_id.is_not(None),
        ]
        if besides:
            served.append(_TICKETS.c.id.not_in(besides))
        last = (
            select(_TICKETS.c.assignee_id)
            .where(*served)
            .order_by(_TICKETS.c.number.desc())
            .limit(1)
            .scalar_subquery()
        )
        parameters = tx.dialect.rows_parameters("asked", [{"requester": r} for r in requesters])
        found = tx.execute(select(asked.c.requester, last.label("agent_id")), parameters)
        return {row.requester: row.agent_id for row in found if row.agent_id is not None}

    def record(self, tx: Transaction, decisions: Sequence[Mapping[str, Any]]) -> None:
        """Keep decisions."""
        tx.insert(_DECISIONS, decisions)

    def recorded(self, tx: Transaction, decision_ids: Sequence[str]) -> set[str]:
        """Return which of these decisions are there."""
        query = select(_DECISIONS.c.id).where(_DECISIONS.c.id.in_(decision_ids))
        return set(tx.execute(query).scalars())

    def record_shadows(self, tx: Transaction, shadows: Sequence[Mapping[str, Any]]) -> None:
        """Keep shadow decisions."""
        tx.insert(_SHADOWS, shadows)


def _read_configuration(tx: Transaction, version: int, builder: StrategyBuilder) -> Configuration:
    newest = select(_RULES).order_by(_RULES.c.version.desc()).limit(1)
    rules = tx.first(newest)
    profiles = [default_profile()]
    profiles += [
        parse_profile(row["name"], row["version"], row["document"])
        for row in tx.rows(select(_PROFILES))
    ]
    return Configuration(
        version=version,
        rules=parse_rules(rules["version"], rules["rules"], rules["time_zone"])
        if rules
        else NO_RULES,
        policies=policies(tx.rows(select(_TEAMS))),
        strategies={profile.name: builder.build(profile) for profile in profiles},
        service_levels=tx.service_levels.book_of(tx.connection, version),
    )
