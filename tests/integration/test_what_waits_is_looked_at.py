"""New rules, profiles and policies of teams reach tickets that wait already."""

import pytest

from services.router.wake_tickets import WakeTickets
from shared.db.models import WaitingLook
from tests.fixtures.shops import Shop
from tests.invariants import assert_sound
from tests.rows import rows

VPN = [{"skill": "vpn", "level": 3}]


def rule(then: dict[str, object]) -> dict[str, object]:
    return {"rules": [{"name": "all", "when": "true", "then": then}]}


@pytest.fixture
def waiting(shop: Shop) -> list[str]:
    """Tickets that nobody can take, and an agent who has not learned what they need."""
    shop.desk.skill("vpn")
    shop.desk.agent(10)
    tickets = [shop.desk.ticket(required_skills=VPN)["id"] for _ in range(7)]
    shop.settle()
    assert {shop.desk.assignee(ticket) for ticket in tickets} == {None}
    return tickets


def test_new_rules_apply_to_what_waits(shop: Shop, waiting: list[str]) -> None:
    shop.desk.team("night")
    night = shop.desk.agent(10, skills={"vpn": 3}, teams=["night"], presence="away")
    shop.desk.ok("PUT", "/v1/routing/rules", rule({"team": "night"}))
    shop.settle()
    assert {shop.desk.read(ticket)["team"] for ticket in waiting} == {"night"}
    assert {shop.desk.event_types(ticket)[-1] for ticket in waiting} == {"ticket.waiting"}
    shop.desk.presence(night, "online")
    shop.settle()
    assert {shop.desk.assignee(ticket) for ticket in waiting} == {night}
    assert_sound(shop.runtime.database)


def test_a_changed_profile_applies_to_what_waits(shop: Shop, waiting: list[str]) -> None:
    shop.desk.ok("PUT", "/v1/routing/profiles/default", {"filters": ["capacity", "presence"]})
    shop.settle()
    assert None not in {shop.desk.assignee(ticket) for ticket in waiting}


def test_rules_that_change_nothing_leave_what_waits_as_it_is(
    shop: Shop, waiting: list[str]
) -> None:
    before = [shop.desk.read(ticket) for ticket in waiting]
    shop.desk.ok("PUT", "/v1/routing/rules", {"rules": []})
    shop.settle()
    assert [shop.desk.read(ticket) for ticket in waiting] == before
    assert rows(shop.runtime.database, WaitingLook) == []


def test_it_goes_batch_by_batch_and_new_tickets_go_first(shop: Shop, waiting: list[str]) -> None:
    wake = WakeTickets(shop.runtime.database, shop.clock, lambda _: None, 3)
    shop.desk.ok("PUT", "/v1/routing/rules", rule({"tags": ["seen"]}))
    seen = []
    while wake():
        wake()
        if shop.route():
            seen.append(sum("seen" in shop.desk.read(ticket)["tags"] for ticket in waiting))
    assert seen == [3, 6, 7], "while three are ready, the others wait"
    assert rows(shop.runtime.database, WaitingLook) == []


def test_a_refused_rule_set_leaves_what_waits_alone(shop: Shop, waiting: list[str]) -> None:
    refused = shop.desk.call("PUT", "/v1/routing/rules", rule({"team": "nobody"}))
    assert refused.status_code == 422
    assert rows(shop.runtime.database, WaitingLook) == []


def test_a_helper_of_a_helper_who_joins_is_asked_at_once(shop: Shop) -> None:
    for name in ("third", "second", "first"):
        shop.desk.team(name)
    step = {"after_s": 0}
    shop.desk.ok("PATCH", "/v1/teams/first", {"overflow": [{"team": "second", **step}]})
    last = shop.desk.agent(5, teams=["third"])
    ticket = shop.desk.ticket(team="first")["id"]
    shop.settle()
    assert shop.desk.assignee(ticket) is None
    shop.desk.ok("PATCH", "/v1/teams/second", {"overflow": [{"team": "third", **step}]})
    shop.settle()
    assert shop.desk.assignee(ticket) == last
