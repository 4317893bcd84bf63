"""Profiles over the API: made, replaced, refused with the place, deleted when nobody names them."""

from typing import Any

import pytest

from tests.desk import Desk
from tests.fixtures.shops import Shop
from tests.problems import assert_problem

URL = "/v1/routing/profiles"


def refused(desk: Desk, body: dict[str, Any], *pointers: str) -> None:
    assert_problem(desk.call("PUT", f"{URL}/bad", body), 422, "invalid-input", list(pointers))
    assert desk.call("GET", f"{URL}/bad").status_code == 404


def test_what_a_profile_leaves_out_is_as_in_the_default(desk: Desk) -> None:
    default = desk.ok("GET", f"{URL}/default")
    made = desk.ok("PUT", f"{URL}/calm", {"scorers": {"random": 2.0}})
    assert (made["version"], made["scorers"]) == (1, {"random": 2.0})
    assert made["filters"] == default["filters"]
    assert desk.ok("PUT", f"{URL}/calm", {})["version"] == 2
    assert [each["name"] for each in desk.ok("GET", URL)["items"]] == ["calm", "default"]


def test_a_plugin_that_is_not_installed_is_refused_with_its_place(desk: Desk) -> None:
    refused(desk, {"filters": ["team", "horoscope"]}, "/filters/1")
    refused(desk, {"scorers": {"horoscope": 1}}, "/scorers/horoscope")
    refused(desk, {"matcher": "horoscope", "order": "horoscope"}, "/matcher", "/order")


def test_values_out_of_range_are_refused(desk: Desk) -> None:
    refused(desk, {"scorers": {"random": -1}}, "/scorers/random/value")
    refused(desk, {"offer_s": 1, "shortlist": 0}, "/offer_s", "/shortlist")
    refused(desk, {"channel_weights": {"pigeon": 2}}, "/channel_weights/pigeon/key")
    assert desk.call("PUT", f"{URL}/Not%20a%20slug", {}).status_code == 422


def test_a_team_names_a_profile_that_exists_and_keeps_it(desk: Desk) -> None:
    body = {"name": "first", "profile": "nowhere", "shadow_profile": "nobody"}
    answer = desk.call("POST", "/v1/teams", body)
    assert_problem(answer, 422, "invalid-input", ["/profile", "/shadow_profile"])
    desk.ok("PUT", f"{URL}/calm", {})
    desk.team("first", profile="calm")
    assert desk.call("DELETE", f"{URL}/calm").status_code == 409
    desk.ok("PATCH", "/v1/teams/first", {"profile": "default"})
    assert desk.call("DELETE", f"{URL}/calm").status_code == 204
    assert desk.call("DELETE", f"{URL}/calm").status_code == 404
    assert desk.call("DELETE", f"{URL}/default").status_code == 409


def test_a_changed_profile_decides_from_the_next_ticket_on_and_decisions_name_it(
    shop: Shop,
) -> None:
    shop.desk.skill("vpn")
    shop.desk.ok("PUT", f"{URL}/calm", {"scorers": {"skill_fit": 1.0}})
    shop.desk.team("first", profile="calm")
    expert = shop.desk.agent(50, skills={"vpn": 5}, teams=["first"])
    novice = shop.desk.agent(50, skills={"vpn": 1}, teams=["first"])
    needed = {"team": "first", "required_skills": [{"skill": "vpn", "level": 1}]}
    tickets = []
    for scorers in ({"skill_fit": 1.0}, {"least_loaded": 1.0}):
        shop.desk.ok("PUT", f"{URL}/calm", {"scorers": scorers})
        tickets.append(shop.desk.ticket(**needed)["id"])
        shop.settle()
    assert [shop.desk.assignee(ticket) for ticket in tickets] == [expert, novice]
    versions = [
        shop.desk.decisions(ticket)[-1]["explanation"]["profile"]["version"] for ticket in tickets
    ]
    assert versions == [2, 3]


def test_the_longest_queue_goes_first_where_the_order_says_so(shop: Shop) -> None:
    shop.desk.skill("vpn", "dns")
    shop.desk.ok("PUT", f"{URL}/even", {"order": "queue_balance"})
    shop.desk.team("first", profile="even")
    agent = shop.desk.agent(1, skills={"vpn": 1, "dns": 1}, teams=["first"], presence="offline")
    waiting = []
    for skill in ("dns", "vpn", "vpn", "vpn"):
        needed = [{"skill": skill, "level": 1}]
        waiting.append(shop.desk.ticket(team="first", required_skills=needed)["id"])
        shop.later(seconds=1)
    shop.desk.presence(agent, "online")
    shop.settle()
    # The only ticket for dns is the oldest; three wait for vpn.
    assert [shop.desk.assignee(each) for each in waiting] == [None, agent, None, None]


def test_a_profile_excludes_agents_by_id(shop: Shop) -> None:
    barred, other = shop.desk.agent(50), shop.desk.agent(1)
    shop.desk.ok("PUT", f"{URL}/strict", {"options": {"excluded": {"agents": [barred]}}})
    shop.desk.team("first", profile="strict")
    for agent in (barred, other):
        shop.desk.change_agent(agent, teams=["first"])
    tickets = [shop.desk.ticket(team="first")["id"] for _ in range(2)]
    shop.settle()
    assert sorted(map(str, map(shop.desk.assignee, tickets))) == ["None", other]
    reasons = [r["reason"] for r in shop.desk.decisions(tickets[0])[0]["explanation"]["rejected"]]
    assert "is excluded by the profile" in reasons


@pytest.mark.parametrize(
    ("options", "pointer"),
    [
        ({"shift": {"min_left_s": "abc"}}, "/options/shift"),
        ({"shift": {"colour": "red"}}, "/options/shift"),
        ({"fastest": {"prior_tickets": 5}}, "/options/fastest"),
        ({"no_such_plugin": {}}, "/options/no_such_plugin"),
    ],
)
def test_options_that_a_plugin_does_not_take_are_refused(
    shop: Shop, options: dict[str, Any], pointer: str
) -> None:
    shop.desk.ok("PUT", f"{URL}/strict", {"title": "As it was"})
    response = shop.desk.call("PUT", f"{URL}/strict", {"options": options})
    assert response.status_code == 422
    assert [error["pointer"] for error in response.get_json()["errors"]] == [pointer]
    assert shop.desk.ok("GET", f"{URL}/strict")["title"] == "As it was"
