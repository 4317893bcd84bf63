"""Overflow to other teams, grace before tickets go back, languages and conflicts of interest."""

import itertools
from datetime import UTC, datetime

import pytest

from shared.domain.working_time import WEEKDAYS
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


OFFICE = {day: [{"start": "09:00", "end": "17:00"}] for day in WEEKDAYS}
WHEN_OFF_SHIFT = [{"team": "second", "after_s": 7 * 86_400, "when_off_shift": True}]


def two_teams(shop: Shop, **first: object) -> None:
    body = {"name": "office", "time_zone": "UTC", "hours": OFFICE}
    body["holidays"] = [{"date": "2026-03-04"}]  # type: ignore[assignment]
    shop.desk.ok("POST", "/v1/calendars", body)
    shop.desk.team("second")
    shop.desk.team("first", overflow=WHEN_OFF_SHIFT, **first)


def at(shop: Shop, *moment: int) -> None:
    """Let the clock run up to a moment in UTC, and the router do what is due."""
    shop.later(seconds=(datetime(*moment, tzinfo=UTC) - shop.clock.now()).total_seconds())  # type: ignore[misc]


def test_helpers_step_in_outside_business_hours_whoever_of_the_team_is_there(shop: Shop) -> None:
    two_teams(shop, calendar="office")
    at(shop, 2026, 3, 3, 16, 55)
    shop.desk.agent(0, teams=["first"])
    helper = shop.desk.agent(5, teams=["second"])
    ticket = shop.desk.ticket(team="first")["id"]
    at(shop, 2026, 3, 3, 16, 59, 59)
    assert shop.desk.assignee(ticket) is None
    at(shop, 2026, 3, 3, 17, 1)
    assert shop.desk.assignee(ticket) == helper
    on_the_holiday = shop.desk.ticket(team="first")["id"]
    at(shop, 2026, 3, 4, 12)
    assert shop.desk.assignee(on_the_holiday) == helper
    at(shop, 2026, 3, 5, 9)
    open_again = shop.desk.ticket(team="first")["id"]
    shop.settle()
    assert shop.desk.assignee(open_again) is None
    assert_sound(shop.runtime.database)


def test_business_hours_reach_weeks_ahead_without_any_change(shop: Shop) -> None:
    two_teams(shop, calendar="office")
    at(shop, 2026, 3, 3, 9)
    shop.desk.agent(0, teams=["first"])
    helper = shop.desk.agent(5, teams=["second"])
    shop.settle()
    at(shop, 2026, 5, 4, 12)
    at_noon = shop.desk.ticket(team="first")["id"]
    shop.settle()
    assert shop.desk.assignee(at_noon) is None
    at(shop, 2026, 5, 4, 17)
    assert shop.desk.assignee(at_noon) == helper


def test_business_hours_given_to_a_team_count_for_what_waits_at_once(shop: Shop) -> None:
    two_teams(shop)
    at(shop, 2026, 3, 3, 20)
    shop.desk.agent(0, teams=["first"])
    helper = shop.desk.agent(5, teams=["second"])
    ticket = shop.desk.ticket(team="first")["id"]
    shop.settle()
    assert shop.desk.assignee(ticket) is None
    shop.desk.ok("PATCH", "/v1/teams/first", {"calendar": "office"})
    shop.settle()
    assert shop.desk.assignee(ticket) == helper


def test_an_open_team_with_nobody_there_is_not_at_work(shop: Shop) -> None:
    two_teams(shop, calendar="office")
    at(shop, 2026, 3, 3, 12)
    shop.desk.agent(5, teams=["first"], presence="offline")
    helper = shop.desk.agent(5, teams=["second"])
    ticket = shop.desk.ticket(team="first")["id"]
    shop.settle()
    assert shop.desk.assignee(ticket) == helper


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
