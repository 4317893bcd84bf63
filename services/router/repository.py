"""The router's SQL: who could take tickets, what waits, and the decisions."""

import threading
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Integer, Select, Text, and_, exists, func, literal_column, select
from sqlalchemy.types import TypeEngine

from services.router.agent_index import AgentIndex
from services.router.configuration import Configuration
from services.router.model import Context, Need, document_of, need_of
from services.router.orders import Waiting
from services.router.pool import Pool
from services.router.profile import default_profile, parse_profile
from services.router.rules import NO_RULES, parse_rules
from services.router.strategy import StrategyBuilder
from services.router.team_policy import policies
from services.router.watchdog import Watchdog
from shared.db.engine import Row, Transaction
from shared.db.models import (
    Agent,
    ConfigurationVersion,
    Decision,
    Profile,
    Requirement,
    RoutingRules,
    ShadowDecision,
    Team,
    Ticket,
)
from shared.db.models.base import table
from shared.db.types import WAITING
from shared.domain.ticket import Lane, Priority, rank_of
from shared.domain.work import WorkState
from shared.observability.logging import get_logger

log = get_logger()

#: Every rank that a ticket can have; see `shared.domain.ticket.rank_of`.
RANKS = tuple(rank_of(lane, priority.rank) for lane in Lane for priority in Priority)
#: Queues are counted this far: beyond, one is as long as another.
MAX_COUNTED = 1000
#: How long, in seconds, a plugin of somebody else may take in one batch.
PLUGIN_LIMIT_S = 2.0

_AGENTS, _TICKETS, _TEAMS = table(Agent), table(Ticket), table(Team)
_REQUIREMENTS, _DECISIONS = table(Requirement), table(Decision)
_SHADOWS = table(ShadowDecision)
_RULES, _VERSIONS, _PROFILES = table(RoutingRules), table(ConfigurationVersion), table(Profile)
_CLASSES: dict[str, TypeEngine[Any]] = {"signature": Text(), "rank": Integer()}


@dataclass(frozen=True, slots=True)
class Head:
    """The first of the tickets that wait with one signature and rank, late or not."""

    signature: str
    rank: int
    late: bool
    ticket: Waiting


class RouterRepository:
    """Reads and writes for the router's use cases. Safe to share between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._configuration: Configuration | None = None
        self._index = AgentIndex()
        self.watchdog = Watchdog(PLUGIN_LIMIT_S)
        self._builder = StrategyBuilder(self.watchdog)

    def configuration(self, tx: Transaction) -> Configuration:
        """Return the configuration, read again only if its version moved."""
        version = tx.execute(select(_VERSIONS.c.version)).scalar_one()
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

    def waiting_needs(self, tx: Transaction) -> list[Need]:
        """Return the distinct needs that tickets are waiting with."""
        waiting = select(_TICKETS.c.id).where(
            and_(
                _TICKETS.c.work_state == WAITING,
                _TICKETS.c.signature == _REQUIREMENTS.c.signature,
            )
        )
        query = select(_REQUIREMENTS.c.signature, _REQUIREMENTS.c.need).where(exists(waiting))
        return readable_needs(tx.rows(query))

    def heads(self, tx: Transaction, signatures: Sequence[str], now: datetime) -> list[Head]:
        """Return the first waiting ticket of each class that has one.

        A class is a signature, a rank (lane and priority) and whether the deadline has passed. The
        cost is two looks at an index for each signature and rank, however many tickets wait.
        """
        classes = tx.dialect.rows_as_table("classes", _CLASSES)
        found = []
        for late in (False, True):
            waiting = _waiting(classes.c.signature, classes.c.rank, now, late=late)
            first = waiting.with_only_columns(_TICKETS.c.id).limit(1).scalar_subquery()
            head = select(classes.c.signature, first.label("id")).subquery("head")
            query = select(
                _TICKETS.c.id,
                _TICKETS.c.signature,
                _TICKETS.c.rank,
                _TICKETS.c.priority,
                _TICKETS.c.created_at,
                _TICKETS.c.expected_resolution_at,
            ).join(head, head.c.id == _TICKETS.c.id)
            rows = [
                {"signature": signature, "rank": rank} for signature in signatures for rank in RANKS
            ]
            parameters = tx.dialect.rows_parameters("classes", rows)
            for row in tx.execute(query, parameters).mappings():
                ticket = waiting_of(dict(row))
                found.append(Head(row["signature"], row["rank"], late=late, ticket=ticket))
        return found

    def queued(self, tx: Transaction, signatures: Sequence[str]) -> dict[str, int]:
        """Return how many tickets wait with each need, counted up to MAX_COUNTED."""
        asked = tx.dialect.rows_as_table("asked", {"signature": Text()})
        some = (
            select(_TICKETS.c.id)
            .where(_TICKETS.c.work_state == WAITING, _TICKETS.c.signature == asked.c.signature)
            .limit(MAX_COUNTED)
            .correlate(asked)
            .subquery()
        )
        count = select(func.count()).select_from(some).correlate(asked).scalar_subquery()
        rows = [{"signature": signature} for signature in signatures]
        parameters = tx.dialect.rows_parameters("asked", rows)
        found = tx.execute(select(asked.c.signature, count.label("queued")), parameters)
        return {row.signature: row.queued for row in found}

    def claim_waiting(self, tx: Transaction, head: Head, limit: int, now: datetime) -> list[Row]:
        """Lock and return the first tickets of a class."""
        query = (
            _waiting(head.signature, head.rank, now, late=head.late)
            .limit(limit)
            .with_for_update(skip_locked=True, key_share=True)
        )
        return tx.rows(query)

    def count_waiting(self, tx: Transaction, head: Head, limit: int, now: datetime) -> int:
        """Return how many tickets wait in a class, locked or not, counted up to a limit."""
        some = (
            _waiting(head.signature, head.rank, now, late=head.late)
            .with_only_columns(_TICKETS.c.id)
            .limit(limit)
            .subquery()
        )
        return int(tx.execute(select(func.count()).select_from(some)).scalar_one())

    def familiar_agents(
        self, tx: Transaction, requesters: Sequence[str], besides: Collection[str] = ()
    ) -> dict[str, str]:
        """Return who served these requesters last, by what they are known by.

        Tickets whose ids are in `besides` do not count.
        """
        asked = tx.dialect.rows_as_table("asked", {"requester": Text()})
        served = [
            _TICKETS.c.requester_key == asked.c.requester,
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
                "need": document_of(need),
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

    def recorded(self, tx: Transaction, decision_ids: Sequence[str]) -> set[str]:
        """Return which of these decisions are there."""
        query = select(_DECISIONS.c.id).where(_DECISIONS.c.id.in_(decision_ids))
        return set(tx.execute(query).scalars())

    def record_shadows(self, tx: Transaction, shadows: Sequence[Mapping[str, Any]]) -> None:
        """Keep shadow decisions."""
        tx.insert(_SHADOWS, shadows)


def waiting_of(ticket: Mapping[str, Any]) -> Waiting:
    """Return a ticket's row as orders see it."""
    return Waiting(
        ticket["id"], ticket["priority"], ticket["created_at"], ticket["expected_resolution_at"]
    )


def readable_needs(requirements: Sequence[Mapping[str, Any]]) -> list[Need]:
    """Return the needs that requirement rows hold; one that makes no sense stops only itself."""
    needs = []
    for requirement in requirements:
        try:
            needs.append(need_of(requirement["need"]))
        except (KeyError, TypeError, ValueError):
            log.exception("requirement.unreadable", signature=requirement.get("signature"))
    return needs


def _waiting(signature: Any, rank: Any, now: datetime, *, late: bool) -> Select[Any]:
    """Return the waiting tickets of a class, by deadline, which in a class is by age."""
    due = _TICKETS.c.expected_resolution_at
    return (
        select(_TICKETS)
        .where(
            _TICKETS.c.work_state == WAITING,
            _TICKETS.c.signature == signature,
            _TICKETS.c.rank == rank,
            due < now if late else due >= now,
        )
        .order_by(due)
    )


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
