"""Whatever happens in whatever order: routing keeps its promises after every step.

Random teams with overflow, offers and graces, random agents and tickets, rules; then people and the
router take turns. `tests.promises` says what must be true.
"""

from datetime import timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete

from services.router.match_agents import MatchAgents
from services.router.repository import RouterRepository
from services.router.route_tickets import RouteTickets
from services.router.wake_tickets import WakeTickets
from shared.db.engine import Database
from shared.db.models import (
    ApiKey,
    Assignment,
    AuditEntry,
    Base,
    ConfigurationVersion,
    Profile,
    Skill,
    Ticket,
)
from shared.db.models.base import table
from shared.domain.ticket import TicketStatus
from tests.fixtures.shops import Shop
from tests.promises import after_every_step, after_the_router, at_rest
from tests.rows import rows

TEAMS = ("first", "second", "third")
SKILLS = ("dns", "vpn")
CATEGORIES = (None, None, None, None, "vpn", "dns")
TAGS: tuple[list[str], ...] = ([], [], [], [], ["acme"], ["later"], ["acme", "later"])
PRIORITIES = ("low", "medium", "high", "critical")
PRESENCES = ("online", "online", "online", "away", "offline")
CAPACITIES = (1, 1, 1, 2, 2, 3, 0)
GRACES = (None, 0, 60)
STEPS = 40
#: How many times in a row the router may find something to do before it must be going in circles.
MANY = 100
#: What is the same in every example.
KEPT = (ApiKey, AuditEntry, ConfigurationVersion, Profile, Skill)

PROFILES: dict[str, dict[str, Any]] = {
    "plain": {},
    "asking": {"offer_s": 60, "order": "first_come"},
    "weighed": {"channel_weights": {"phone": 2}, "priority_weights": {"critical": 2}},
    "best": {"matcher": "optimal", "priority_weights": {"high": 2}, "order": "generalised_cmu"},
}
RULES = [
    {
        "name": "VPN",
        "when": 'ticket.category == "vpn"',
        "then": {"required_skills": [{"skill": "vpn", "level": 3, "drop_after": 120}]},
    },
    {
        "name": "DNS",
        "when": 'ticket.category == "dns"',
        "then": {
            "team": "second",
            "required_skills": [{"skill": "dns", "level": 2}],
            "tags": ["acme"],
        },
    },
    {"name": "later", "when": '"later" in ticket.tags', "then": {"delay": 90, "profile": "best"}},
]
#: What may happen, the more often named the likelier; the first is what examples shrink to.
ACTS = (
    *("nothing",),
    *("hire", "come_or_go", "come_or_go", "change_capacity", "change_agent"),
    *("ask_for_help", "ask_for_help", "ask_for_help", "reopen", "give_up"),
    *("resolve", "resolve", "resolve", "answer_an_offer", "answer_an_offer", "answer_an_offer"),
    *("hand_over", "assign_by_hand", "edit"),
    *("settle", "settle", "settle", "settle", "let_time_pass"),
)
#: What the router does afterwards.
GOES_ON = ((), (), ("route",), ("match",), ("wake", "route"), ("match", "route"))

numbers = st.integers(0, 2**20)


class AnyOrder:
    """A desk where anything may happen next. Each act takes its details from `chance`."""

    def __init__(self, shop: Shop) -> None:
        self.desk, self.clock, self.database = shop.desk, shop.clock, shop.runtime.database
        # Small batches, so that a batch does not always see everything.
        parts = (self.database, self.clock, lambda _: None, RouterRepository(), 3)
        self.router = {
            "wake": WakeTickets(self.database, self.clock, lambda _: None, 3),
            "route": RouteTickets(*parts),
            "match": MatchAgents(*parts),
        }
        self.agents: list[str] = []
        self.tickets: list[str] = []

    def open(self, chance: Random) -> None:
        """Begin with teams, each of which may overflow to the next one, agents and tickets."""
        for name, helper in zip(reversed(TEAMS), (None, *reversed(TEAMS[1:])), strict=True):
            wait = {"after_s": chance.choice([0, 60, 300]), "when_off_shift": chance.random() < 0.5}
            self.desk.team(
                name,
                profile=chance.choice([*PROFILES, "asking"]),
                overflow=[{"team": helper, **wait}] if helper and chance.random() < 0.5 else [],
                offline_grace_s=chance.choice(GRACES),
                away_grace_s=chance.choice(GRACES),
            )
        self.desk.ok("PUT", "/v1/routing/rules", {"rules": RULES})
        for _ in range(chance.randint(1, 3)):
            self.hire(chance)
        for _ in range(chance.randint(2, 8)):
            self.ask_for_help(chance)

    def step(self, act: str, number: int) -> None:
        """Let one thing happen, and perhaps a batch of the router; no two at the same moment."""
        chance = Random(number)
        self.clock.advance(timedelta(milliseconds=1))
        getattr(self, act)(chance)
        self.require(after_every_step(self.database))
        for part in chance.choice(GOES_ON):
            self.run(part)

    def run(self, part: str) -> int:
        """Run a batch of the router."""
        known = frozenset(row["id"] for row in rows(self.database, Assignment))
        count = self.router[part]()
        self.require(after_the_router(self.database, known))
        self.require(after_every_step(self.database))
        return int(count)

    def settle(self, chance: Random) -> None:
        for _ in range(MANY):
            if not sum([self.run(part) for part in self.router]):
                break
        else:
            pytest.fail(f"the router still moves something after {MANY} rounds")
        self.require(at_rest(self.database, self.clock.now()))

    def require(self, found: list[str]) -> None:
        assert not found, "\n".join(found)

    # What may happen ----------------------------------------------------------------------------

    def nothing(self, chance: Random) -> None:
        pass

    def let_time_pass(self, chance: Random) -> None:
        self.clock.advance(timedelta(seconds=chance.choice([1, 61, 61, 121, 400, 90_000])))
        self.settle(chance)

    def hire(self, chance: Random) -> None:
        presence, capacity = chance.choice(PRESENCES), chance.choice(CAPACITIES)
        skills = {need["skill"]: need["level"] for need in levels(chance)}
        self.agents.append(
            self.desk.agent(capacity, presence=presence, skills=skills, **nature(chance))
        )

    def come_or_go(self, chance: Random) -> None:
        self.desk.presence(chance.choice(self.agents), chance.choice(PRESENCES))

    def change_capacity(self, chance: Random) -> None:
        agent = chance.choice(self.agents)
        self.desk.change_agent(agent, capacity=chance.choice(CAPACITIES))

    def change_agent(self, chance: Random) -> None:
        agent = chance.choice(self.agents)
        self.desk.change_agent(agent, skills=levels(chance), **nature(chance))

    def ask_for_help(self, chance: Random) -> None:
        locale = chance.choice([None, None, None, "de-DE", "en"])
        ticket = self.desk.ticket(
            team=chance.choice([None, *TEAMS]),
            required_skills=levels(chance) if chance.random() < 0.3 else [],
            priority=chance.choice(PRIORITIES),
            tags=chance.choice(TAGS),
            category=chance.choice(CATEGORIES),
            channel=chance.choice(["email", "email", "phone"]),
            requester={"name": "Mira Petrova", "email": "mira@example.com", "locale": locale},
        )
        self.tickets.append(ticket["id"])

    def resolve(self, chance: Random) -> None:
        mine = rows(self.database, Ticket, table(Ticket).c.status == TicketStatus.OPEN)
        if mine:
            self.desk.step(chance.choice(mine)["id"], "resolve")

    def give_up(self, chance: Random) -> None:
        self.may_refuse(chance, "POST", "transitions", {"transition": "resolve"})

    def reopen(self, chance: Random) -> None:
        self.may_refuse(chance, "POST", "transitions", {"transition": "reopen"})

    def answer_an_offer(self, chance: Random) -> None:
        offered = rows(self.database, Ticket, table(Ticket).c.offered_to.is_not(None))
        if offered:
            ticket = chance.choice(offered)
            word = chance.choice(["accept", "decline"])
            body = {"agent_id": ticket["offered_to"], "answer": word}
            self.desk.ok("POST", f"/v1/tickets/{ticket['id']}/offer", body)

    def hand_over(self, chance: Random) -> None:
        more = {"required_skills": levels(chance)} if chance.random() < 0.5 else {}
        self.may_refuse(chance, "POST", "transfer", {"team": chance.choice(TEAMS), **more})

    def assign_by_hand(self, chance: Random) -> None:
        agent, guard = chance.choice(self.agents), chance.random() < 0.5
        before = self.desk.read_agent(agent)
        body = {"agent_id": agent, "guard": guard}
        self.may_refuse(chance, "PUT", "assignment", body)
        after = self.desk.read_agent(agent)
        if guard and after["load"] > before["load"]:
            assert after["load"] <= after["capacity"]

    def edit(self, chance: Random) -> None:
        changes: list[dict[str, Any]] = [
            {"category": chance.choice(CATEGORIES)},
            {"priority": chance.choice(PRIORITIES)},
            {"required_skills": levels(chance)},
            {"tags": chance.choice(TAGS)},
        ]
        self.may_refuse(chance, "PATCH", "", chance.choice(changes))

    def may_refuse(self, chance: Random, method: str, what: str, body: Any) -> None:
        """Send what may be out of place at the moment; then it is refused."""
        path = f"/v1/tickets/{chance.choice(self.tickets)}/{what}".rstrip("/")
        response = self.desk.call(method, path, body)
        assert response.status_code in (200, 409), response.get_data(as_text=True)


def levels(chance: Random) -> list[dict[str, Any]]:
    """Return none, one or both skills with levels."""
    some = chance.sample(SKILLS, chance.randint(0, 2))
    return [{"skill": skill, "level": chance.randint(1, 4)} for skill in sorted(some)]


def nature(chance: Random) -> dict[str, Any]:
    """Return what an agent is like besides skills, presence and capacity."""
    return {
        "teams": chance.sample(TEAMS, chance.randint(1, 3)),
        "languages": chance.choice([[], [], ["en"], ["de", "en"]]),
        "conflicts": chance.choice([[], [], ["acme"]]),
    }


def forget_everything(database: Database) -> None:
    """Delete what an example made; versions of the configuration go on."""
    kept = {table(model).name for model in KEPT}
    with database.transaction() as tx:
        for each in reversed(Base.metadata.sorted_tables):
            if each.name not in kept:
                tx.execute(delete(each))


# It takes seconds, and minutes with the profile `thorough` of `make faults`; an example that fails
# is made as small as can be, for up to five minutes.
@pytest.mark.timeout(600)
def test_routing_keeps_its_promises_in_any_order(shop: Shop) -> None:
    for name, document in PROFILES.items():
        shop.desk.ok("PUT", f"/v1/routing/profiles/{name}", document)
    shop.desk.skill(*SKILLS)
    distributed = shop.runtime.settings.database_url.startswith("postgresql")

    thorough = settings.get_current_profile_name() == "thorough"
    examples = (3 if distributed else 5) * (10 if thorough else 1)

    @settings(max_examples=examples, suppress_health_check=list(HealthCheck))
    @given(
        opening=numbers,
        steps=st.lists(st.tuples(st.sampled_from(ACTS), numbers), min_size=STEPS, max_size=STEPS),
    )
    def example(opening: int, steps: list[tuple[str, int]]) -> None:
        forget_everything(shop.runtime.database)
        desk = AnyOrder(shop)
        desk.open(Random(opening))
        for act, number in steps:
            desk.step(act, number)
        desk.settle(Random(0))

    example()
