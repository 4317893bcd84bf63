"""A shadow profile decides beside the live one: it is recorded, and nothing else is different."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from services.router import shadow as shadowing
from services.router.configuration import Configuration
from services.router.decide import Decide, Outcome
from services.router.guard import GuardedScorer
from services.router.model import Candidate, Context, Subject
from services.router.planning import Made, plan
from services.router.repository import RouterRepository
from services.router.scorers import Scorer
from services.router.shadow import Shadow
from shared.db.engine import Database, Transaction
from shared.db.housekeeping import SHADOWS_KEPT, forget_shadow_decisions
from shared.db.models import (
    Agent,
    AgentPerformance,
    Assignment,
    Decision,
    ShadowDecision,
    Ticket,
    TicketEvent,
)
from shared.db.models.base import table
from shared.observability import metrics
from shared.settings import Settings
from tests.factories import NOW
from tests.fixtures.shops import Shop
from tests.invariants import assert_sound
from tests.rows import rows

NewShop = Callable[..., Shop]


def team(shop: Shop, shadow: str | None, **profiles: dict[str, Any]) -> None:
    """The team `net`, which goes by least_loaded, and profiles that may decide beside it."""
    shop.desk.ok("PUT", "/v1/routing/profiles/live", {"scorers": {"least_loaded": 1.0}})
    for name, document in profiles.items():
        shop.desk.ok("PUT", f"/v1/routing/profiles/{name}", document)
    shop.desk.team("net", profile="live", shadow_profile=shadow)


def name_shadow(shop: Shop, shadow: str | None) -> None:
    shop.desk.ok("PATCH", "/v1/teams/net", {"shadow_profile": shadow})


def shadows(shop: Shop) -> list[dict[str, Any]]:
    return rows(shop.runtime.database, ShadowDecision)


def counted(outcome: str) -> float:
    return metrics.shadow_batches.labels(outcome)._value.get()  # type: ignore[attr-defined]


SAME = {"scorers": {"least_loaded": 1.0}}
BY_SKILL = {"scorers": {"skill_fit": 1.0}}


@pytest.mark.parametrize("matcher", ["greedy", "optimal"])
def test_a_shadow_that_is_the_same_agrees_always(shop: Shop, matcher: str) -> None:
    same = {
        "scorers": {"least_loaded": 1.0, "same_agent": 0.5, "longest_idle": 0.1},
        "matcher": matcher,
    }
    team(shop, None, same=same, twin=same)
    shop.desk.ok("PATCH", "/v1/teams/net", {"profile": "same", "shadow_profile": "twin"})
    agents = [shop.desk.agent(capacity, teams=["net"]) for capacity in (1, 1, 2)]
    done = []
    for number in range(12):
        requester = {"name": "R", "email": f"requester-{number % 3}@example.com"}
        done.append(shop.desk.ticket(team="net", requester=requester)["id"])
        if number % 3 == 2:
            shop.later(seconds=30)
        if number % 6 == 5:
            for ticket in done:
                if shop.desk.assignee(ticket) and shop.desk.read(ticket)["status"] == "open":
                    shop.desk.step(ticket, "resolve", resolution={"summary": "s"})
            shop.settle()
    found = shadows(shop)
    assert len(found) == len(rows(shop.runtime.database, Decision))
    assert {row["live_agent_id"] for row in found} == {*agents, None}
    for row in found:
        assert row["agrees"], row
        for measure in ("load_share", "score", "urgency", "balance"):
            assert row[f"live_{measure}"] == row[f"shadow_{measure}"]


def test_a_shadow_knows_nothing_of_what_the_live_profile_just_did(shop: Shop) -> None:
    team(shop, "loyal", loyal={"scorers": {"least_loaded": 1.0, "same_agent": 5.0}})
    first, second = (shop.desk.agent(4, teams=["net"]) for _ in range(2))
    for _ in range(2):
        shop.desk.ticket(team="net")
    shop.settle()
    # The requester is new: the agents they have since the commit are familiar from the next on.
    assert [row["shadow_agent_id"] for row in shadows(shop)] == [first, second]
    shop.later(seconds=1)
    shop.desk.ticket(team="net")
    shop.settle()
    assert shadows(shop)[2]["live_agent_id"] == first
    assert shadows(shop)[2]["shadow_agent_id"] == second


def test_a_shadow_that_parts_is_recorded_with_its_numbers(shop: Shop) -> None:
    team(shop, None, by_skill=BY_SKILL)
    shop.desk.skill("vpn", "dns")
    roomy = shop.desk.agent(4, teams=["net"], skills={"vpn": 1})
    expert = shop.desk.agent(2, teams=["net"], skills={"vpn": 5, "dns": 1})
    shop.desk.ticket(team="net", required_skills=[{"skill": "dns", "level": 1}])
    shop.settle()
    assert shadows(shop) == []
    name_shadow(shop, "by_skill")
    with shop.runtime.database.transaction() as tx:
        # A tenth of the two days that a medium ticket has. Half believed of all agents together,
        # a twentieth is usual, and for this one it is half way between the two.
        past = {"tickets": 20, "handling_s": 17_280.0, "reopened": 0, "counted_at": NOW}
        tx.insert(table(AgentPerformance), [{"agent_id": roomy, "category": "", **past}])
    tickets = [
        shop.desk.ticket(team="net", required_skills=[{"skill": "vpn", "level": 1}])["id"]
        for _ in range(2)
    ]
    shop.later(seconds=17_280)
    assert [shop.desk.assignee(ticket) for ticket in tickets] == [roomy, roomy]
    first, second = shadows(shop)
    assert (first["ticket_id"], second["ticket_id"]) == tuple(tickets)
    assert (first["live_agent_id"], first["shadow_agent_id"]) == (roomy, expert)
    assert (second["live_agent_id"], second["shadow_agent_id"]) == (roomy, roomy)
    assert (first["agrees"], second["agrees"]) == (False, True)
    assert (first["live_profile"], first["shadow_profile"]) == ("live", "by_skill")
    assert (first["live_load_share"], first["shadow_load_share"]) == (0.0, 0.5)
    assert (second["live_load_share"], second["shadow_load_share"]) == (0.25, 0.0)
    assert (first["live_score"], first["shadow_score"]) == (1.0, 0.5)
    assert first["live_urgency"] == pytest.approx(0.10 + 0.075)
    assert first["shadow_urgency"] == pytest.approx(0.10 + 0.05)
    for row in (first, second):
        # 2/4 and 1/2 live; 1/4 and 2/2 in the shadow.
        assert row["live_balance"] == pytest.approx(1.0)
        assert row["shadow_balance"] == pytest.approx(1.25**2 / (2 * (0.25**2 + 1.0**2)))
        assert row["faults"] == 0
    decided = [shop.desk.decisions(ticket)[0]["id"] for ticket in tickets]
    assert [first["decision_id"], second["decision_id"]] == decided


def test_a_shadow_may_find_somebody_where_the_live_profile_lets_wait(shop: Shop) -> None:
    shop.desk.skill("vpn")
    lenient = {"filters": ["team", "presence", "capacity"], **SAME}
    team(shop, "lenient", lenient=lenient)
    agent = shop.desk.agent(1, teams=["net"])
    ticket = shop.desk.ticket(team="net", required_skills=[{"skill": "vpn", "level": 1}])["id"]
    shop.settle()
    assert shop.desk.assignee(ticket) is None
    [row] = shadows(shop)
    assert (row["live_agent_id"], row["shadow_agent_id"]) == (None, agent)
    assert (row["live_load_share"], row["live_urgency"], row["shadow_score"]) == (None, None, None)
    # What waited is decided in the other direction, and compared there too.
    shop.later(seconds=1)
    shop.desk.change_agent(agent, skills=[{"skill": "vpn", "level": 1}])
    shop.settle()
    assert [row["agrees"] for row in shadows(shop)] == [False, True]


def test_a_shadow_weighs_tickets_by_its_own_profile(shop: Shop) -> None:
    team(shop, "heavy", heavy={**SAME, "priority_weights": {"medium": 3}})
    small, large = shop.desk.agent(2, teams=["net"]), shop.desk.agent(3, teams=["net"])
    shop.desk.change_agent(large, capacity=6)
    shop.desk.ticket(team="net")
    shop.desk.ticket(team="net")
    shop.settle()
    found = shadows(shop)
    assert [row["live_agent_id"] for row in found] == [small, large]
    assert [row["shadow_agent_id"] for row in found] == [large, large]
    assert shop.desk.read_agent(large)["load"] == 1


def test_a_batch_of_teams_without_a_shadow_records_nothing(shop: Shop) -> None:
    team(shop, "same", same=SAME)
    shop.desk.agent(9)
    shop.desk.ticket()
    before = counted("compared")
    shop.settle()
    assert (shadows(shop), counted("compared")) == ([], before)


def scenario(shop: Shop, shadow: str | None) -> list[str]:
    """A day of a small desk; returns all that it left behind, with ids in order of age."""
    shop.desk.headers["X-Request-Id"] = "req_00000000000000000000000000000000"
    shop.desk.skill("vpn")
    team(shop, shadow, by_skill={**BY_SKILL, "matcher": "optimal"})
    shop.desk.team("other", shadow_profile=shadow)
    for number, capacity in enumerate((1, 2, 3)):
        name, email = f"Agent {number}", f"agent-{number}@desk.example"
        shop.desk.agent(
            capacity, teams=["net", "other"], skills={"vpn": number + 1}, name=name, email=email
        )
    tickets = []
    for number in range(12):
        needs = [{"skill": "vpn", "level": 1 + number % 3}]
        ticket = shop.desk.ticket(team=("net", "other")[number % 2], required_skills=needs)
        tickets.append(ticket["id"])
        # Of tickets that came in the same moment PostgreSQL may take either first.
        shop.clock.advance(timedelta(seconds=1))
        if number % 4 == 3:
            shop.later(seconds=61)
    for ticket in tickets[:6]:
        if shop.desk.read(ticket)["status"] == "open":
            shop.desk.step(ticket, "resolve", resolution={"summary": "s"})
            shop.later(seconds=5)
    assert_sound(shop.runtime.database)
    left = []
    for each in (Assignment, Agent, Ticket, TicketEvent, Decision):
        for row in rows(shop.runtime.database, each):
            # On PostgreSQL numbers of a transaction, which counts those of other databases too.
            for number in ("revision", "feed_key"):
                row.pop(number, None)
            left.append(repr(row))
    written = "\n".join(left)
    by_age = {found: n for n, found in enumerate(sorted(set(re.findall(ID, written))))}
    return re.sub(ID, lambda found: f"{found[0][:3]}_{by_age[found[0]]}", written).splitlines()


ID = r"[a-z]{3}_[0-9a-f]{32}"


@pytest.fixture
def elsewhere(
    settings: Settings, new_migrated_database: Callable[[], Database], new_shop: NewShop
) -> Callable[..., Shop]:
    """Makes shops in databases of their own."""

    def make(repository: RouterRepository | None = None) -> Shop:
        url = new_migrated_database().engine.url.render_as_string(hide_password=False)
        return new_shop(replace(settings, database_url=url), repository)

    return make


def test_with_a_shadow_everything_ends_as_it_does_without(
    shop: Shop, elsewhere: Callable[..., Shop]
) -> None:
    with_shadow, without = scenario(shop, "by_skill"), scenario(elsewhere(), None)
    assert with_shadow == without
    assert not all(row["agrees"] for row in shadows(shop))


class Broken(Scorer):
    """Fails whenever it is asked."""

    name = "broken"
    personal = True

    def score(self, subject: Subject, candidate: Candidate, context: Context) -> float:
        raise RuntimeError("no figures today")


class WithBrokenShadow(RouterRepository):
    """Reads the profile `by_skill` with a scorer that fails, as a plugin of others or our own."""

    def __init__(self, *, guarded: bool) -> None:
        super().__init__()
        self._broken: Scorer = Broken()
        if guarded:
            self._broken = GuardedScorer(self._broken, "broken", self.watchdog)

    def configuration(self, tx: Transaction) -> Configuration:
        found = super().configuration(tx)
        strategy = found.strategies.get("by_skill")
        if strategy is None:
            return found
        pipeline = replace(strategy.pipeline, scorers=((self._broken, 1.0),))
        broken = replace(strategy, pipeline=pipeline)
        return replace(found, strategies={**found.strategies, "by_skill": broken})


def test_a_shadow_plugin_that_raises_does_no_harm_and_is_noted(
    elsewhere: Callable[..., Shop],
) -> None:
    shop = elsewhere(WithBrokenShadow(guarded=True))
    with_shadow, without = scenario(shop, "by_skill"), scenario(elsewhere(), None)
    assert with_shadow == without
    # Where nobody passes the filters no scorer is asked.
    chosen = [row["faults"] for row in shadows(shop) if row["shadow_agent_id"]]
    assert set(chosen) == {1}


def test_a_shadow_that_fails_altogether_does_no_harm_and_is_counted(
    elsewhere: Callable[..., Shop],
) -> None:
    before = counted("failed")
    shop = elsewhere(WithBrokenShadow(guarded=False))
    with_shadow, without = scenario(shop, "by_skill"), scenario(elsewhere(), None)
    assert with_shadow == without
    # Where nobody passes the filters no scorer is asked, and nothing fails.
    assert not any(row["shadow_agent_id"] for row in shadows(shop))
    assert counted("failed") > before


def test_a_shadow_that_cannot_be_written_does_no_harm(elsewhere: Callable[..., Shop]) -> None:
    shop = elsewhere()
    with shop.runtime.database.transaction() as tx:
        tx.execute(text("DROP TABLE shadow_decisions"))
    assert scenario(shop, "by_skill") == scenario(elsewhere(), None)


def test_what_was_not_committed_has_no_shadow(shop: Shop) -> None:
    team(shop, "by_skill", by_skill=BY_SKILL)
    shop.desk.agent(9, teams=["net"])
    ticket = shop.desk.ticket(team="net")["id"]
    seen = inputs(shop, ticket)
    seen.outcome.made.append(Made("dec_" + "0" * 32, seen.planned[0], choose(shop, seen)))
    shadow_of(shop)([seen])
    assert shadows(shop) == []


def test_a_batch_that_lost_a_race_or_is_too_large_is_not_compared(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    team(shop, "by_skill", by_skill=BY_SKILL)
    shop.desk.agent(9, teams=["net"])
    ticket = shop.desk.ticket(team="net")["id"]
    seen = inputs(shop, ticket)
    raced, large = counted("raced"), counted("too_large")
    shadow_of(shop)([replace(seen, outcome=Outcome(raced=True))])
    monkeypatch.setattr(shadowing, "MAX_TICKETS", 0)
    shadow_of(shop)([seen])
    assert (counted("raced"), counted("too_large")) == (raced + 1, large + 1)


def test_after_a_slow_comparison_the_shadow_rests(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    team(shop, "by_skill", by_skill=BY_SKILL)
    ticket = shop.desk.ticket(team="net")["id"]
    monkeypatch.setattr(shadowing, "SLOW_S", 0.0)
    monkeypatch.setattr(shadowing, "REST", 1e9)
    seen, rested = inputs(shop, ticket), counted("resting")
    shadow_of(shop)([seen, seen])
    assert counted("resting") == rested + 1


def test_shadow_decisions_are_forgotten_after_ninety_days(shop: Shop) -> None:
    team(shop, "same", same=SAME)
    shop.desk.agent(9, teams=["net"])
    for _ in range(2):
        shop.desk.ticket(team="net")
        shop.settle()
        shop.clock.advance(SHADOWS_KEPT / 2)
    assert len(shadows(shop)) == 2
    assert forget_shadow_decisions(shop.runtime.database, shop.clock.now()) == 1
    assert [row["decided_at"] for row in shadows(shop)] == [NOW + SHADOWS_KEPT / 2]
    assert forget_shadow_decisions(shop.runtime.database, shop.clock.now()) == 0


def shadow_of(shop: Shop) -> Shadow:
    repository = RouterRepository()
    return Shadow(shop.runtime.database, repository, Decide(repository))


def inputs(shop: Shop, ticket: str) -> shadowing.Seen:
    """What a batch of one ticket would be decided on."""
    repository = RouterRepository()
    with shop.runtime.database.transaction() as tx:
        configuration = repository.configuration(tx)
        pool = repository.pool(tx, configuration, NOW)
    [row] = rows(shop.runtime.database, Ticket, table(Ticket).c.id == ticket)
    planned = [plan(configuration, row, pool, NOW)]
    [seen] = shadow_of(shop).seen(configuration, planned, pool, Context(NOW), Outcome())
    return seen


def choose(shop: Shop, seen: shadowing.Seen) -> Any:
    _, [choice] = Decide(RouterRepository()).match(seen.planned, seen.pool, seen.context)
    return choice
