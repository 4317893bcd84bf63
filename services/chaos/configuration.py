"""The configuration of an installation: read from its database, and written into an empty one.

Only what decides about tickets is taken: calendars, policies, profiles, rules, skills, teams and
agents. Tickets, requesters, keys, subscriptions and secrets are not even read.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Table, delete, func, select

from services.chaos.errors import ChaosError
from shared.db.engine import Database, Row, rows
from shared.db.models import (
    Absence,
    Agent,
    AgentPerformance,
    AgentSkill,
    AgentTeam,
    ApiKey,
    Calendar,
    ConfigurationVersion,
    Profile,
    RoutingRules,
    Skill,
    SlaPolicy,
    SlaPolicyVersion,
    Subscription,
    Team,
    Ticket,
)
from shared.db.models.base import table
from shared.domain.agent import Presence
from shared.domain.work import WorkState

_AGENTS, _PROFILES, _RULES = table(Agent), table(Profile), table(RoutingRules)

#: In an order in which each row finds what it refers to.
TABLES: Sequence[Table] = (
    table(Calendar),
    table(SlaPolicy),
    table(SlaPolicyVersion),
    _PROFILES,
    _RULES,
    table(Skill),
    table(Team),
    _AGENTS,
    table(AgentSkill),
    table(AgentTeam),
    table(Absence),
    table(AgentPerformance),
    table(ConfigurationVersion),
)

#: Where these have rows, a desk is at work.
IN_USE: Sequence[Table] = (table(Ticket), table(ApiKey), table(Subscription))

#: Values that conditions of rules compare these fields with: tickets that have them meet the rules.
_COMPARED = re.compile(r"ticket\.(category|product)\s*(?:==|in)\s*(\[[^\]]*\]|\"[^\"]*\")")
_QUOTED = re.compile(r'"([^"]+)"')


@dataclass(frozen=True, slots=True)
class Configuration:
    """The rows of each table, as they were at one moment."""

    rows: Mapping[str, Sequence[Row]]

    @property
    def counts(self) -> dict[str, int]:
        """How much there is of what people configure, by table; nothing where there is none."""
        return {
            str(each.name): len(self.rows[each.name])
            for each in TABLES
            if self.rows[each.name] and each.name != table(ConfigurationVersion).name
        }

    @property
    def teams(self) -> list[str]:
        """The names of the teams."""
        return sorted(row["name"] for row in self.rows[table(Team).name])

    @property
    def abilities(self) -> list[list[tuple[str, int]]]:
        """The skills of each agent who has some, with levels."""
        found: dict[str, list[tuple[str, int]]] = {}
        for row in self.rows[table(AgentSkill).name]:
            found.setdefault(row["agent_id"], []).append((row["skill"], row["level"]))
        return [sorted(found[agent]) for agent in sorted(found)]

    def compared(self, field: str) -> list[str]:
        """Return the values that rules compare a ticket's `category` or `product` with."""
        conditions = [rule["when"] for row in self.rows[_RULES.name] for rule in row["rules"]]
        return sorted(
            {
                value
                for condition in conditions
                for name, values in _COMPARED.findall(condition)
                if name == field
                for value in _QUOTED.findall(values)
            }
        )


def read_configuration(database: Database) -> Configuration:
    """Read everything as of one moment, changing nothing; of rule sets the newest."""
    with database.snapshot() as connection:
        return Configuration({each.name: _read(connection, each) for each in TABLES})


def _read(connection: Connection, source: Table) -> list[Row]:
    query = select(source).order_by(*source.primary_key.columns)
    if source is _RULES:
        newest = select(func.max(_RULES.c.version)).scalar_subquery()
        query = query.where(_RULES.c.version == newest)
    return rows(connection, query)


def write_configuration(database: Database, configuration: Configuration, now: datetime) -> None:
    """Write it into a database that has the schema and nothing else, for a proof.

    Raises ChaosError, and changes nothing, where there is what only a desk at work has. Agents get
    another name and address, are online and have nothing in hand. What would only make the proof
    wait is left out: offers that nobody accepts, and delays of rules.
    """
    with database.transaction() as tx:
        for each in IN_USE:
            if tx.first(select(each.c.id).limit(1)) is not None:
                message = f"The copy's database has {each.name} already; nothing was written."
                raise ChaosError(message)
        for each in reversed(TABLES):
            tx.execute(delete(each))
        for each in TABLES:
            changed = [_changed(each, row, now) for row in configuration.rows[each.name]]
            if each is _AGENTS:
                changed = [
                    {**row, "name": f"Agent {number}", "email": f"agent{number}@chaos.invalid"}
                    for number, row in enumerate(changed, 1)
                ]
            tx.insert(each, changed)


def _changed(source: Table, row: Row, now: datetime) -> dict[str, Any]:
    if source is _AGENTS:
        return {
            **row,
            "presence": Presence.ONLINE,
            "presence_since": now,
            "load": 0,
            "overcommit": 0,
            "idle_since": now,
            "assigned_at": None,
            "revision": 0,
            "work_state": WorkState.IDLE,
            "available_at": now,
            "attempts": 0,
            "last_error": None,
        }
    if source is _PROFILES:
        return {**row, "document": {**row["document"], "offer_s": None}}
    if source is _RULES:
        return {**row, "rules": [_at_once(rule) for rule in row["rules"]]}
    return row


def _at_once(rule: Mapping[str, Any]) -> dict[str, Any]:
    then = {name: value for name, value in rule["then"].items() if name != "delay"}
    return {**rule, "then": then}
