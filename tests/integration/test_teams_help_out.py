"""Overflow to other teams, grace before tickets go back, languages and conflicts of interest."""

import itertools

import pytest

from tests.fixtures.shops import Shop
from tests.invariants import assert_sound


def overflow(*steps: tuple[str, int]) -> list[dict[str, object]]:
    return [{"team": team, "after_s": after} for team, after in steps]


def test_another_team_helps_out_after_the_wait_and_its_helpers_after_theirs(shop: Shop) -> None:
    shop.desk.team("third")
    shop.desk.team("second", overflow=overflow(("third", 60)))
    shop.desk.team("first", overflow=overflow(("second", 120)))
    helper = shop.desk.agent(1, teams=["second"])
    last = shop.desk.agent(5, teams=["third"])
    tickets = [shop.desk.ticket(team="first")["id"] for _ in range(2)]
    shop.later(seconds=119)
    assert [shop.desk.assignee(t) for t in tickets] == [None, None]
    shop.later(seconds=2)
    assert sorted(map(str, (shop.desk.assignee(t) for t in tickets))) == ["None", helper]
    shop.later(seconds=60)
    assert {shop.desk.assignee(t) for t in tickets} == {helper, last}
    assert shop.desk.read(tickets[0])["team"] == "first"
    assert_sound(shop.runtime.database)


def test_helpers_step_in_at_once_when_nobody_of_the_team_is_there(shop: Shop) -> None:
    shop.desk.team("second")
    steps = [{"team": "second", "after_s": 3600, "when_off_shift": True}]
    shop.desk.team("first", overflow=steps)
    own = shop.desk.agent(1, teams=["first"], presence="away")
    helper = shop.desk.agent(5, teams=["second"])
    while_there = shop.desk.ticket(team="first")["id"]
    shop.settle()
    assert shop.desk.assignee(while_there) is None
    shop.desk.presence(own, "offline")
    shop.later(seconds=61)
    assert shop.desk.assignee(while_there) == helper


@pytest.mark.parametrize("length", [1, 2, 3])
def test_overflow_in_a_circle_is_refused_with_the_way_it_goes(shop: Shop, length: int) -> None:
    names = [f"team-{number}" for number in range(length)]
    for name in names:
        shop.desk.team(name)
    for name, helper in itertools.pairwise(names):
        shop.desk.ok("PATCH", f"/v1/teams/{name}", {"overflow": overflow((helper, 60))})
    body = {"overflow": overflow((names[0], 60))}
    refused = shop.desk.call("PATCH", f"/v1/teams/{names[-1]}", body)
    assert refused.status_code == 422
    [error] = refused.get_json()["errors"]
    assert error["pointer"] == "/overflow/0/team"
    assert " -> ".join([names[-1], *names]) in error["detail"]
    assert shop.desk.ok("GET", f"/v1/teams/{names[-1]}")["overflow"] == []


def test_tickets_not_begun_go_back_after_the_grace_of_being_away(shop: Shop) -> None:
    shop.desk.team("first", away_grace_s=300, offline_grace_s=60)
    agent = shop.desk.agent(5, teams=["first"])
    ticket = shop.desk.ticket(team="first")["id"]
    shop.settle()
    shop.desk.presence(agent, "away")
    shop.later(seconds=299)
    assert shop.desk.assignee(ticket) == agent
    shop.later(seconds=2)
    assert shop.desk.assignee(ticket) is None
    assert_sound(shop.runtime.database)


def test_who_comes_back_within_the_grace_keeps_the_ticket(shop: Shop) -> None:
    shop.desk.team("first", offline_grace_s=60)
    agent = shop.desk.agent(5, teams=["first"])
    ticket = shop.desk.ticket(team="first")["id"]
    shop.settle()
    shop.desk.presence(agent, "offline")
    shop.later(seconds=30)
    shop.desk.presence(agent, "online")
    shop.later(seconds=300)
    assert shop.desk.assignee(ticket) == agent


def test_a_ticket_goes_to_who_speaks_its_language(shop: Shop) -> None:
    shop.desk.agent(5, languages=["en"])
    russian = shop.desk.agent(5, languages=["en", "ru"])
    requester = {"name": "Mira Petrova", "email": "mira@example.com", "locale": "ru-RU"}
    tickets = [shop.desk.ticket(requester=requester)["id"] for _ in range(3)]
    shop.settle()
    assert {shop.desk.assignee(t) for t in tickets} == {russian}


def test_nobody_gets_a_ticket_they_have_a_conflict_of_interest_with(shop: Shop) -> None:
    shop.desk.agent(5, conflicts=["acme"])
    other = shop.desk.agent(5)
    tickets = [shop.desk.ticket(tags=["acme"])["id"] for _ in range(3)]
    shop.settle()
    assert {shop.desk.assignee(t) for t in tickets} == {other}
    [decision] = shop.desk.decisions(tickets[0])
    [rejection] = decision["explanation"]["rejected"]
    assert rejection["reason"] == "has a conflict of interest with acme"


def test_a_ticket_weighs_what_its_channel_and_priority_say(shop: Shop) -> None:
    weights = {"channel_weights": {"phone": 3}, "priority_weights": {"critical": 2}}
    shop.desk.ok("PUT", "/v1/routing/profiles/weighed", weights)
    shop.desk.team("first", profile="weighed")
    agent = shop.desk.agent(10, teams=["first"])
    for body in ({"channel": "phone", "priority": "critical"}, {"channel": "email"}):
        shop.desk.ticket(team="first", **body)
    shop.settle()
    assert shop.desk.read_agent(agent)["load"] == 7
    third = shop.desk.ticket(team="first", channel="phone", priority="critical")["id"]
    shop.settle()
    assert shop.desk.assignee(third) is None
    assert shop.desk.decisions(third)[-1]["explanation"]["rejected"][-1]["reason"] == (
        "has no room for 6"
    )
    assert_sound(shop.runtime.database)
