"""Whatever happens in whatever order: routing keeps its promises after every step.

Random teams with overflow, offers and graces, random agents, rules and tickets; then people and the
router take turns. `tests.promises` says what must be true.
"""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import delete

from services.router.match_agents import MatchAgents
from services.router.repository import RouterRepository
from services.router.route_tickets import RouteTickets
from services.router.wake_tickets import WakeTickets
from shared.db.engine import Database
from shared.db.models import ApiKey, Assignment, Base, ConfigurationVersion, Profile, Skill, Ticket
from shared.db.models.base import table
from tests.fixtures.shops import Shop
from tests.promises import after_every_step, after_the_router, at_rest
from tests.rows import rows

TEAMS = ("first", "second", "third")
SKILLS = ("dns", "vpn")
TAGS = ("acme", "later")
PRIORITIES = ("low", "medium", "high", "critical")
PRESENCES = ("online", "online", "away", "offline")
KEPT = (ApiKey, ConfigurationVersion, Profile, Skill)
MOST_AGENTS, MOST_TICKETS = 5, 12
#: How many times in a row the router may find something to do before it must be going in circles.
MANY = 100

PROFILES = {
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


def skill_list(skills: dict[str, int]) -> list[dict[str, Any]]:
    return [{"skill": skill, "level": level} for skill, level in sorted(skills.items())]


numbers = st.integers(0, 1000)
levels = st.dictionaries(st.sampled_from(SKILLS), st.integers(1, 4), max_size=2)
needed = st.just({}) | levels.filter(lambda skills: len(skills) < 2)
teams = st.lists(st.sampled_from(TEAMS), unique=True, min_size=1, max_size=3)
languages = st.lists(st.sampled_from(["en", "de"]), unique=True, max_size=2)
conflicts = st.lists(st.just("acme"), max_size=1)
steps = st.none() | st.fixed_dictionaries(
    {"after_s": st.sampled_from([0, 60, 300]), "when_off_shift": st.booleans()}
)
graces = st.sampled_from([None, 0, 60])
agents = st.fixed_dictionaries(
    {
        "capacity": st.sampled_from([2, 1, 3, 4, 0]),
        "skills": levels,
        "teams": teams,
        "presence": st.sampled_from(PRESENCES),
        "languages": languages,
        "conflicts": conflicts,
    }
)
tickets = st.fixed_dictionaries(
    {
        "team": st.none() | st.sampled_from(TEAMS),
        "required_skills": needed.map(skill_list),
        "priority": st.sampled_from(PRIORITIES),
        "tags": st.lists(st.sampled_from(TAGS), unique=True),
        "category": st.sampled_from([None, None, "vpn", "dns"]),
        "channel": st.sampled_from(["email", "phone"]),
        "requester": st.sampled_from([None, "de-DE", "en"]).map(
            lambda locale: {"name": "Mira Petrova", "email": "mira@example.com", "locale": locale}
        ),
    }
)


def forget_everything(database: Database) -> None:
    """Delete what an example made; versions of the configuration go on."""
    kept = {table(model).name for model in KEPT}
    with database.transaction() as tx:
        for each in reversed(Base.metadata.sorted_tables):
            if each.name not in kept:
                tx.execute(delete(each))


class AnyOrder(RuleBasedStateMachine):
    """A desk where anything may happen next."""

    def __init__(self, shop: Shop) -> None:
        super().__init__()
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
        self.settled = False
        forget_everything(self.database)

    # What there is ------------------------------------------------------------------------------

    @initialize(
        overflow=st.tuples(steps, steps),
        profiles=st.tuples(*[st.sampled_from(sorted(PROFILES))] * 3),
        offline=st.tuples(graces, graces, graces),
        away=st.tuples(graces, graces, graces),
        staff=st.lists(agents, min_size=2, max_size=4),
        waiting=st.lists(tickets, min_size=2, max_size=6),
    )
    def open_the_desk(
        self, overflow: Any, profiles: Any, offline: Any, away: Any, staff: Any, waiting: Any
    ) -> None:
        """Each team may overflow to the next one."""
        for index in (2, 1, 0):
            step = overflow[index] if index < len(overflow) else None
            helpers = [{"team": TEAMS[index + 1], **step}] if step else []
            self.desk.team(
                TEAMS[index],
                profile=profiles[index],
                overflow=helpers,
                offline_grace_s=offline[index],
                away_grace_s=away[index],
            )
        self.desk.ok("PUT", "/v1/routing/rules", {"rules": RULES})
        for agent in staff:
            self.hire(agent)
        for ticket in waiting:
            self.ask_for_help(ticket)

    @rule(agent=agents)
    @precondition(lambda self: len(self.agents) < MOST_AGENTS)
    def hire(self, agent: Any) -> None:
        self.agents.append(self.desk.agent(**agent))

    @rule(ticket=tickets)
    @precondition(lambda self: len(self.tickets) < MOST_TICKETS)
    def ask_for_help(self, ticket: Any) -> None:
        self.tickets.append(self.desk.ticket(**ticket)["id"])

    # What people do with agents -----------------------------------------------------------------

    @rule(who=numbers, presence=st.sampled_from(PRESENCES))
    @precondition(lambda self: self.agents)
    def come_or_go(self, who: int, presence: str) -> None:
        self.desk.presence(self.an_agent(who), presence)

    @rule(who=numbers, capacity=st.integers(0, 3))
    @precondition(lambda self: self.agents)
    def change_capacity(self, who: int, capacity: int) -> None:
        self.desk.change_agent(self.an_agent(who), capacity=capacity)

    @rule(who=numbers, skills=levels, languages=languages, conflicts=conflicts, teams=teams)
    @precondition(lambda self: self.agents)
    def change_agent(self, who: int, skills: Any, **changed: Any) -> None:
        self.desk.change_agent(self.an_agent(who), skills=skill_list(skills), **changed)

    # What people do with tickets ----------------------------------------------------------------

    @rule(which=numbers, step=st.sampled_from(["resolve", "reopen"]))
    @precondition(lambda self: self.tickets)
    def take_a_step(self, which: int, step: str) -> None:
        self.may_refuse("POST", which, "transitions", {"transition": step})

    @rule(which=numbers, answer=st.sampled_from(["accept", "decline"]))
    @precondition(lambda self: self.offered())
    def answer_an_offer(self, which: int, answer: str) -> None:
        offered = self.offered()
        ticket = offered[which % len(offered)]
        body = {"agent_id": ticket["offered_to"], "answer": answer}
        self.desk.ok("POST", f"/v1/tickets/{ticket['id']}/offer", body)

    @rule(which=numbers, team=st.sampled_from(TEAMS), skills=st.none() | levels)
    @precondition(lambda self: self.tickets)
    def hand_over(self, which: int, team: str, skills: Any) -> None:
        more = {} if skills is None else {"required_skills": skill_list(skills)}
        self.may_refuse("POST", which, "transfer", {"team": team, **more})

    @rule(which=numbers, who=numbers, guard=st.booleans())
    @precondition(lambda self: self.tickets and self.agents)
    def assign_by_hand(self, which: int, who: int, *, guard: bool) -> None:
        body = {"agent_id": self.an_agent(who), "guard": guard}
        self.may_refuse("PUT", which, "assignment", body)

    @rule(
        which=numbers,
        changed=st.fixed_dictionaries({"category": st.sampled_from([None, "vpn", "dns"])})
        | st.fixed_dictionaries({"priority": st.sampled_from(PRIORITIES)})
        | st.fixed_dictionaries({"required_skills": levels.map(skill_list)})
        | st.fixed_dictionaries({"tags": st.lists(st.sampled_from(TAGS), unique=True)}),
    )
    @precondition(lambda self: self.tickets)
    def edit(self, which: int, changed: Any) -> None:
        self.may_refuse("PATCH", which, "", changed)

    # What the router and the clock do -----------------------------------------------------------

    @rule(part=st.sampled_from(["wake", "route", "match"]))
    def one_batch(self, part: str) -> None:
        self.run(part)

    @rule()
    def settle(self) -> None:
        for _ in range(MANY):
            if not sum(self.run(part) for part in self.router):
                break
        else:
            pytest.fail(f"the router still moves something after {MANY} rounds")
        found = at_rest(self.database, self.clock.now())
        assert not found, "\n".join(found)

    @rule(seconds=st.sampled_from([1, 61, 121, 400, 90_000]))
    def let_time_pass(self, seconds: int) -> None:
        self.clock.advance(timedelta(seconds=seconds))
        self.settle()

    @invariant()
    def nothing_is_wrong(self) -> None:
        # No two things happen in the same moment.
        self.clock.advance(timedelta(milliseconds=1))
        found = after_every_step(self.database)
        assert not found, "\n".join(found)

    def run(self, part: str) -> int:
        known = frozenset(row["id"] for row in rows(self.database, Assignment))
        count = self.router[part]()
        found = after_the_router(self.database, known)
        assert not found, "\n".join(found)
        return count

    # How it is done -----------------------------------------------------------------------------

    def an_agent(self, number: int) -> str:
        return self.agents[number % len(self.agents)]

    def offered(self) -> list[dict[str, Any]]:
        offers = table(Ticket).c.offered_to.is_not(None)
        return rows(self.database, Ticket, offers)

    def may_refuse(self, method: str, which: int, what: str, body: Any) -> None:
        """Send what may be out of place at the moment; then it is refused and changes nothing."""
        ticket = self.tickets[which % len(self.tickets)]
        path = f"/v1/tickets/{ticket}/{what}".rstrip("/")
        response = self.desk.call(method, path, body)
        assert response.status_code in (200, 409), response.get_data(as_text=True)


def test_routing_keeps_its_promises_in_any_order(shop: Shop) -> None:
    for name, document in PROFILES.items():
        shop.desk.ok("PUT", f"/v1/routing/profiles/{name}", document)
    shop.desk.skill(*SKILLS)
    distributed = shop.runtime.settings.database_url.startswith("postgresql")
    run_state_machine_as_test(
        lambda: AnyOrder(shop),
        settings=settings(
            max_examples=12 if distributed else 40,
            stateful_step_count=30,
            suppress_health_check=list(HealthCheck),
        ),
    )
