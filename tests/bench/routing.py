"""Routing by itself: decisions a second, the time of one, and how soon work is refilled."""

import random
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import select

from deploy.local.servers import Servers
from services.router.match_agents import MatchAgents
from services.router.matching import MatchingTable, Wanted
from services.router.model import Candidate, Context, Need, Subject
from services.router.pool_builder import PoolBuilder
from services.router.profile import default_profile
from services.router.repository import RouterRepository
from services.router.route_tickets import RouteTickets
from services.router.strategy import StrategyBuilder
from shared.db import schema, ticket_changes
from shared.db.engine import Database
from shared.db.models import Agent, AgentSkill, AgentTeam, Skill, Team, Ticket
from shared.db.models.base import table
from shared.db.ticket_changes import Asked, NewTicket
from shared.domain.agent import Presence
from shared.domain.clock import SystemClock
from shared.domain.ids import Prefix, new_id
from shared.domain.lifecycle import LifeRules, Transition
from shared.domain.ticket import Priority
from shared.domain.work import WorkState
from shared.schemas.team import CreateTeamSchema
from shared.schemas.ticket import CreateTicketSchema
from tests.bench.desk import Figures
from tests.bench.load import percentile

BATCH = 200
SKILLS = 200
AGENTS = (100, 1_000, 10_000)
CLOCK = SystemClock()


def decisions(servers: Servers, tickets: int) -> Figures:
    """Tickets routed and committed a second by one router, by agents."""
    figures: Figures = {}
    for agents in AGENTS:
        with _database(servers, f"decisions_{agents}") as database:
            names = _furnish(database, agents, capacity=1_000)
            route = RouteTickets(database, CLOCK, _nobody, RouterRepository(), BATCH)
            _create(database, names, tickets)
            route()
            started = time.perf_counter()
            routed = 0
            while found := route():
                routed += found
            figures[f"decisions_{agents}_per_s"] = routed / (time.perf_counter() - started)
    return figures


def one_decision(decisions_made: int) -> Figures:
    """The time of one decision in memory, by agents, in teams of twenty with 200 skills."""
    figures: Figures = {}
    for agents in AGENTS:
        taken = sorted(_decided(agents, decisions_made))
        figures[f"decision_{agents}_p50_ms"] = percentile(taken, 0.5) * 1000
        figures[f"decision_{agents}_p99_ms"] = percentile(taken, 0.99) * 1000
    return figures


def _decided(agents: int, decisions_made: int) -> list[float]:
    """Return what each decision took, in seconds."""
    lots, teams = random.Random(7), agents // 20
    builder = PoolBuilder([_candidate(lots, number, teams) for number in range(agents)])
    pipeline = StrategyBuilder().build(default_profile()).pipeline
    now = datetime.now(UTC)
    taken = []
    for _ in range(0, decisions_made, BATCH):
        board = MatchingTable(builder.pool(), Context(now))
        for _ in range(BATCH):
            wanted = Wanted(_subject(lots, now, teams), pipeline)
            started = time.perf_counter()
            choice = board.choose(wanted)
            if choice.winner is not None:
                board.take(choice.winner, wanted)
            taken.append(time.perf_counter() - started)
    return taken


def refill(servers: Servers, waits: Mapping[str, int], times: int) -> Figures:
    """How soon an agent who resolved a ticket has the next one, while so many wait."""
    figures: Figures = {}
    for name, waiting in waits.items():
        taken = sorted(_refilled(servers, f"refill_{name}", waiting, times))
        figures[f"refill_{name}_waiting"] = waiting
        figures[f"refill_{name}_p50_ms"] = percentile(taken, 0.5) * 1000
        figures[f"refill_{name}_p99_ms"] = percentile(taken, 0.99) * 1000
    return figures


def _refilled(servers: Servers, name: str, waiting: int, times: int) -> list[float]:
    """Return what each refill took, in seconds."""
    with _database(servers, name) as database:
        names = _furnish(database, 100, capacity=2)
        repository = RouterRepository()
        route = RouteTickets(database, CLOCK, _nobody, repository, BATCH)
        match = MatchAgents(database, CLOCK, _nobody, repository, BATCH)
        _create(database, names, waiting + 200)
        while route():
            pass
        while match():
            pass
        held = _held(database)[:times]
        return [_resolve_and_refill(database, match, ticket_id) for ticket_id in held]


def _resolve_and_refill(database: Database, match: MatchAgents, ticket_id: str) -> float:
    with database.transaction() as tx:
        row = tx.first(select(table(Ticket)).where(table(Ticket).c.id == ticket_id))
        assert row is not None
        now = CLOCK.now()
        asked = Asked("bench", "bench")
        ticket_changes.transition(tx, row, None, Transition.RESOLVE, {}, now, asked, LifeRules())
    started = time.perf_counter()
    if not match():
        raise RuntimeError("the agent got no new ticket")
    return time.perf_counter() - started


def _held(database: Database) -> list[str]:
    tickets = table(Ticket).c
    query = select(tickets.id).where(tickets.status == "open").order_by(tickets.id)
    with database.reading() as connection:
        return list(connection.execute(query).scalars())


def _nobody(_: object) -> None:
    """Take no doorbell anywhere: the benchmark looks by itself."""


@contextmanager
def _database(servers: Servers, name: str) -> Iterator[Database]:
    database = Database(servers.postgres.create_database(name))
    schema.migrate(database)
    try:
        yield database
    finally:
        database.close()


def _furnish(database: Database, agents: int, capacity: int) -> list[tuple[str, str]]:
    """Add teams of twenty agents, each with three skills; return (team, skill) that go together."""
    lots, now = random.Random(3), CLOCK.now()
    times = {"created_at": now, "updated_at": now}
    teams = [f"team-{number}" for number in range(max(1, agents // 20))]
    skills = [f"skill-{number}" for number in range(SKILLS)]
    rows, has, members, names = [], [], [], set()
    for number in range(agents):
        agent_id, team = new_id(Prefix.AGENT), teams[number % len(teams)]
        rows.append(_agent(agent_id, number, capacity, now) | times)
        members.append({"agent_id": agent_id, "team": team})
        for skill in lots.sample(skills[: max(10, len(teams))], 3):
            has.append({"agent_id": agent_id, "skill": skill, "level": lots.randint(2, 5)})
            names.add((team, skill))
    with database.transaction() as tx:
        given = [CreateTeamSchema().load({"name": name}) | times for name in teams]
        tx.insert(table(Team), given)
        tx.insert(table(Skill), [{"name": name, "description": "", **times} for name in skills])
        tx.insert(table(Agent), rows)
        tx.insert(table(AgentTeam), members)
        tx.insert(table(AgentSkill), has)
    return sorted(names)


def _agent(agent_id: str, number: int, capacity: int, now: datetime) -> dict[str, Any]:
    return {
        "id": agent_id,
        "name": f"Agent {number}",
        "email": f"agent{number}@example.com",
        "locale": "en",
        "presence": Presence.ONLINE,
        "presence_since": now,
        "capacity": capacity,
        "load": 0,
        "overcommit": 0,
        "idle_since": now,
        "assigned_at": None,
        "languages": [],
        "conflicts": [],
        "calendar": None,
        "shifts": None,
        "revision": 0,
        "work_state": WorkState.IDLE,
        "available_at": now,
        "attempts": 0,
        "last_error": None,
    }


def _create(database: Database, names: Sequence[tuple[str, str]], tickets: int) -> None:
    lots = random.Random(5)
    for _ in range(0, tickets, 1000):
        new = []
        for _ in range(min(1000, tickets)):
            team, skill = lots.choice(names)
            content = CreateTicketSchema().load(
                {
                    "subject": "VPN drops",
                    "requester": {"name": "Mira Petrova", "email": "mira@example.com"},
                    "team": team,
                    "priority": lots.choice(list(Priority)).value,
                    "required_skills": [{"skill": skill, "level": 2}],
                }
            )
            new.append(NewTicket(content, "bench", "bench"))
        with database.transaction() as tx:
            ticket_changes.create(tx, new, CLOCK.now())


def _candidate(lots: random.Random, number: int, teams: int) -> Candidate:
    now = datetime.now(UTC)
    skills = lots.sample(range(SKILLS), 3)
    return Candidate(
        id=f"agt_{number:05}",
        name="",
        email="",
        presence=lots.choices(list(Presence), (8, 1, 1))[0],
        capacity=10,
        load=lots.randint(0, 10),
        idle_since=now - timedelta(seconds=lots.randint(0, 3600)),
        teams=frozenset({f"team-{number % teams}"}),
        skills={f"skill-{skill}": lots.randint(1, 5) for skill in skills},
    )


def _subject(lots: random.Random, now: datetime, teams: int) -> Subject:
    """Half of the tickets name a team, half a skill, a quarter both, a quarter nothing."""
    team = f"team-{lots.randrange(teams)}" if lots.random() < 0.5 else None
    skills = (
        ((f"skill-{lots.randrange(SKILLS)}", lots.randint(1, 3)),) if lots.random() < 0.5 else ()
    )
    return Subject("tkt", Need(team, skills), Priority.MEDIUM, now, now + timedelta(hours=4))
