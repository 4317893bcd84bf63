"""Profiles of teams: in one batch, on trial, and in what a free agent takes first."""

from typing import Any

import pytest

from services.router.team_policy import in_trial
from tests.fixtures.shops import Shop
from tests.invariants import assert_sound

TRIED = 400


def profile(shop: Shop, name: str, **document: Any) -> None:
    shop.desk.ok("PUT", f"/v1/routing/profiles/{name}", document)


def decided_by(shop: Shop, ticket: str) -> str:
    """Return the profile of the ticket's last decision."""
    return str(shop.desk.decisions(ticket)[-1]["explanation"]["profile"]["name"])


def test_each_ticket_of_a_batch_is_matched_by_its_own_teams_profile(shop: Shop) -> None:
    profile(shop, "asking", offer_s=60)
    profile(shop, "experts", scorers={"skill_fit": 1.0})
    profile(shop, "optimal", matcher="optimal")
    shop.desk.skill("vpn")
    for name in ("asking", "experts", "optimal"):
        shop.desk.team(name, profile=name)
    shop.desk.team("plain")
    teams = ["asking", "experts", "optimal", "plain"]
    shop.desk.agent(20, skills={"vpn": 1}, teams=teams)
    expert = shop.desk.agent(5, skills={"vpn": 5}, teams=teams)
    vpn = [{"skill": "vpn", "level": 1}]
    tickets = {t: shop.desk.ticket(team=t, required_skills=vpn)["id"] for t in [*teams]}
    assert shop.route() == len(teams)
    assert shop.desk.read(tickets["asking"])["offered_to"] is not None
    assert shop.desk.assignee(tickets["experts"]) == expert
    expected = {**{name: name for name in teams}, "plain": "default"}
    assert {team: decided_by(shop, ticket) for team, ticket in tickets.items()} == expected
    assert_sound(shop.runtime.database)


@pytest.mark.parametrize(("matcher", "served"), [("greedy", 1), ("optimal", 2)])
def test_the_optimal_matcher_serves_a_batch_that_greedy_does_not(
    shop: Shop, matcher: str, served: int
) -> None:
    profile(shop, "chosen", matcher=matcher, scorers={"longest_idle": 1.0, "least_loaded": 0.1})
    shop.desk.team("first", profile="chosen")
    shop.desk.skill("vpn")
    # Idle the longest, and the only one who can do both.
    shop.desk.agent(1, skills={"vpn": 1}, teams=["first"])
    shop.later(hours=1)
    shop.desk.agent(1, teams=["first"])
    anything = shop.desk.ticket(team="first")["id"]
    vpn = shop.desk.ticket(team="first", required_skills=[{"skill": "vpn", "level": 1}])["id"]
    shop.route()
    assigned = [ticket for ticket in (anything, vpn) if shop.desk.assignee(ticket)]
    assert len(assigned) == served
    assert decided_by(shop, anything) == "chosen"
    assert_sound(shop.runtime.database)


def test_a_trial_profile_gets_its_share_and_a_ticket_the_same_one_each_time(shop: Shop) -> None:
    profile(shop, "new", scorers={"longest_idle": 1.0})
    shop.desk.team("first", trial_profile="new", trial_percent=50)
    agent = shop.desk.agent(10_000, teams=["first"])
    tickets = [shop.desk.ticket(team="first")["id"] for _ in range(TRIED)]
    shop.settle()
    first = {ticket: decided_by(shop, ticket) for ticket in tickets}
    # Five standard deviations of a fair coin.
    assert abs(list(first.values()).count("new") - TRIED / 2) < 2.5 * TRIED**0.5
    assert first == {t: "new" if in_trial(t, 50) else "default" for t in tickets}
    shop.desk.presence(agent, "offline")
    shop.settle()
    shop.desk.presence(agent, "online")
    shop.settle()
    again = tickets[:20]
    assert all(len(shop.desk.decisions(ticket)) == 3 for ticket in again)
    assert {ticket: decided_by(shop, ticket) for ticket in again} == {t: first[t] for t in again}


@pytest.mark.parametrize(("percent", "expected"), [(0, {"default"}), (100, {"new"})])
def test_no_share_and_the_whole_share_are_exact(
    shop: Shop, percent: int, expected: set[str]
) -> None:
    profile(shop, "new")
    shop.desk.team("first", trial_profile="new", trial_percent=percent)
    shop.desk.agent(100, teams=["first"])
    tickets = [shop.desk.ticket(team="first")["id"] for _ in range(30)]
    shop.settle()
    assert {decided_by(shop, ticket) for ticket in tickets} == expected


def test_a_requester_comes_back_to_the_agent_they_know(shop: Shop) -> None:
    profile(shop, "familiar", scorers={"same_agent": 1.0, "least_loaded": 0.1})
    shop.desk.team("first", profile="familiar")
    for _ in range(4):
        shop.desk.agent(10, teams=["first"])
    known = {}
    for name in ("mira", "ann", "lee"):
        requester = {"name": "Mira Petrova", "email": f"{name}@example.com"}
        ticket = shop.desk.ticket(team="first", requester=requester)["id"]
        shop.settle()
        known[name] = shop.desk.assignee(ticket)
    shop.desk.step(ticket, "resolve")
    assert len(set(known.values())) == 3
    for name, agent in known.items():
        requester = {"name": "Mira Petrova", "email": f"{name}@example.com"}
        ticket = shop.desk.ticket(team="first", requester=requester)["id"]
        shop.settle()
        assert shop.desk.assignee(ticket) == agent
        [decision] = shop.desk.decisions(ticket)
        assert decision["explanation"]["candidates"][0]["scores"]["same_agent"] == 0.5


#: What waits, by age in minutes and priority. Deadlines: 1 h critical, 4 h high, 2 d medium.
WAITING = ((235, "high"), (50, "critical"), (300, "medium"), (1, "critical"))


@pytest.mark.parametrize(
    ("order", "options", "expected"),
    [
        # Ages as shares of the target: 0.98, 0.83, 0.10, 0.02.
        ("generalised_cmu", {}, [0, 1, 2, 3]),
        # A critical ticket costs by far the most per minute.
        ("generalised_cmu", {"weights": {"critical": 1000.0}}, [1, 3, 0, 2]),
        # Ages less a day for each step of priority.
        ("priority_ageing", {}, [1, 3, 0, 2]),
        # With two hours a step: 50, 1, 235 - 120 and 300 - 240 minutes.
        ("priority_ageing", {"hours_per_step": 2}, [0, 2, 1, 3]),
        ("first_come", {}, [2, 0, 1, 3]),
        # Minutes left: 5, 10, very many, 59.
        ("earliest_deadline", {}, [0, 1, 3, 2]),
    ],
)
def test_a_freed_agent_takes_what_the_order_of_the_profile_says(
    shop: Shop, order: str, options: dict[str, Any], expected: list[int]
) -> None:
    profile(shop, "ordered", order=order, options={order: options})
    shop.desk.team("first", profile="ordered")
    agent = shop.desk.agent(1, teams=["first"], presence="away")
    tickets: dict[int, str] = {}
    minutes = max(age for age, _ in WAITING)
    for age, priority, index in sorted(
        ((age, priority, i) for i, (age, priority) in enumerate(WAITING)), reverse=True
    ):
        shop.later(minutes=minutes - age)
        minutes = age
        tickets[index] = shop.desk.ticket(team="first", priority=priority)["id"]
    shop.later(minutes=minutes - 0.5)
    shop.desk.presence(agent, "online")
    taken = []
    for _ in WAITING:
        shop.settle()
        [mine] = [
            i for i, t in tickets.items() if i not in taken and shop.desk.assignee(t) == agent
        ]
        taken.append(mine)
        shop.desk.step(tickets[mine], "resolve")
    assert taken == expected
    assert_sound(shop.runtime.database)
