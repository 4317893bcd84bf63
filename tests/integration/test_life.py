"""The life of a ticket beyond being solved: pauses, endings, what came out of it."""

from dataclasses import replace
from typing import Any

import pytest

from shared.domain.lifecycle import ChildrenRule
from shared.domain.role import Role
from shared.settings import Settings
from tests.api_keys import create_key
from tests.desk import Desk
from tests.fixtures.shops import Shop
from tests.invariants import assert_sound
from tests.problems import assert_problem


@pytest.fixture
def agent(shop: Shop) -> str:
    return shop.desk.agent(5)


@pytest.fixture
def ticket(shop: Shop, agent: str) -> str:
    """Somebody has it."""
    ticket_id = str(shop.desk.ticket()["id"])
    shop.settle()
    assert shop.desk.assignee(ticket_id) == agent
    return ticket_id


def as_role(shop: Shop, role: Role, ticket: str | None = None) -> Desk:
    if role is Role.REQUESTER and ticket is not None:
        return shop.desk.as_requester(shop.runtime.database, ticket)
    return Desk(shop.desk.app, create_key(shop.runtime.database, role.value, ["*"], role=role))


def refused(desk: Desk, ticket_id: str, step: str, **more: Any) -> dict[str, Any]:
    body = {"transition": step, **more}
    response = desk.call("POST", f"/v1/tickets/{ticket_id}/transitions", body)
    assert 400 <= response.status_code < 500
    return dict(response.get_json())


def test_a_ticket_that_waits_for_the_requester_stays_with_its_agent(
    shop: Shop, ticket: str, agent: str
) -> None:
    paused = shop.desk.step(ticket, "ask", note="Which version is it?")
    assert paused["status"] == "pending_customer"
    assert paused["hold"] == {"reason": None, "note": "Which version is it?", "until": None}
    shop.settle()
    assert shop.desk.assignee(ticket) == agent
    assert shop.desk.read_agent(agent)["load"] == 1
    assert_sound(shop.runtime.database)
    resumed = shop.desk.step(ticket, "resume")
    assert (resumed["status"], resumed["hold"]) == ("open", None)
    assert shop.desk.event_types(ticket)[-2:] == ["ticket.pending", "ticket.resumed"]


def test_a_ticket_nobody_has_is_not_routed_while_it_is_paused(shop: Shop) -> None:
    ticket = shop.desk.ticket()["id"]
    shop.settle()
    shop.desk.step(ticket, "ask", note="Which version is it?")
    agent = shop.desk.agent(5)
    shop.settle()
    assert shop.desk.assignee(ticket) is None
    assert shop.desk.step(ticket, "resume")["status"] == "new"
    shop.settle()
    assert shop.desk.assignee(ticket) == agent
    assert_sound(shop.runtime.database)


def test_a_hold_ends_by_itself_at_its_time(shop: Shop, ticket: str) -> None:
    held = shop.desk.step(ticket, "hold", reason="vendor", until="2026-03-02T10:00:00Z")
    assert held["hold"]["reason"] == "vendor"
    until = held["hold"]["until"]
    assert until == "2026-03-02T10:00:00.000000Z"
    shop.later(days=400)
    assert shop.desk.read(ticket)["status"] == "open"
    assert "ticket.resumed" in shop.desk.event_types(ticket)


def test_a_hold_without_an_end_does_not_end(shop: Shop, ticket: str) -> None:
    shop.desk.step(ticket, "hold", reason="change")
    shop.later(days=400)
    assert shop.desk.read(ticket)["status"] == "on_hold"


def test_an_offer_ends_when_the_ticket_is_paused(shop: Shop) -> None:
    shop.desk.ok("PUT", "/v1/routing/profiles/asking", {"offer_s": 60})
    shop.desk.team("network", profile="asking")
    agent = shop.desk.agent(5, teams=["network"])
    ticket = shop.desk.ticket(team="network")["id"]
    shop.settle()
    assert shop.desk.read(ticket)["offered_to"] == agent
    shop.desk.step(ticket, "ask")
    assert shop.desk.read(ticket)["offered_to"] is None
    assert shop.desk.read_agent(agent)["load"] == 0
    assert_sound(shop.runtime.database)


@pytest.mark.parametrize("step", ["cancel", "mark_spam"])
def test_a_ticket_that_is_not_wanted_frees_its_agent(
    shop: Shop, ticket: str, agent: str, step: str
) -> None:
    ended = shop.desk.step(ticket, step)
    assert ended["status"] == {"cancel": "cancelled", "mark_spam": "spam"}[step]
    assert shop.desk.read_agent(agent)["load"] == 0
    assert_sound(shop.runtime.database)


def test_spam_that_was_none_and_a_cancelled_ticket_are_routed_again(
    shop: Shop, ticket: str, agent: str
) -> None:
    for away, back in (("mark_spam", "restore"), ("cancel", "reopen")):
        shop.desk.step(ticket, away)
        assert shop.desk.step(ticket, back)["status"] == "new"
        shop.settle()
        assert shop.desk.assignee(ticket) == agent
    assert shop.desk.read(ticket)["reopen_count"] == 1


def test_a_resolved_ticket_closes_by_itself_after_its_time(shop: Shop, ticket: str) -> None:
    shop.desk.step(ticket, "resolve")
    shop.later(days=4)
    assert shop.desk.read(ticket)["status"] == "resolved"
    shop.later(days=2)
    assert shop.desk.read(ticket)["status"] == "closed"
    assert shop.desk.events(ticket)[-1]["type"] == "ticket.closed"


def test_reopening_in_time_forgets_the_solution_and_that_it_was_to_close(
    shop: Shop, ticket: str
) -> None:
    shop.desk.step(ticket, "resolve", resolution={"summary": "Rebooted."})
    reopened = shop.desk.step(ticket, "reopen")
    assert (reopened["resolution"], reopened["reopen_count"]) == (None, 1)
    shop.later(days=30)
    assert shop.desk.read(ticket)["status"] == "open"


def test_after_the_window_only_a_lead_reopens_and_others_follow_up(shop: Shop, ticket: str) -> None:
    shop.desk.step(ticket, "resolve")
    shop.later(days=8)
    agents = as_role(shop, Role.AGENT)
    problem = refused(agents, ticket, "reopen")
    assert (problem["code"], problem["follow_up"]) == ("invalid-transition", True)
    words = {"description": "It is back."}
    follower = agents.ok("POST", f"/v1/tickets/{ticket}/follow-ups", words)
    assert follower["requester"]["email"] == "mira@example.com"
    assert follower["subject"] == shop.desk.read(ticket)["subject"]
    assert shop.desk.links(follower["id"]) == [("follow_up_of", ticket)]
    assert shop.desk.links(ticket) == [("followed_up_by", follower["id"])]
    shop.settle()
    assert shop.desk.assignee(follower["id"])
    assert as_role(shop, Role.LEAD).step(ticket, "reopen")["status"] == "new"
    assert_sound(shop.runtime.database)


def test_a_ticket_that_is_not_over_takes_no_follow_up(shop: Shop, ticket: str) -> None:
    words = {"description": "More."}
    response = shop.desk.call("POST", f"/v1/tickets/{ticket}/follow-ups", words)
    assert response.status_code == 409
    assert "add a comment" in response.get_json()["detail"]


@pytest.mark.parametrize(
    ("role", "step"), [(Role.REQUESTER, "resolve"), (Role.REQUESTER, "hold"), (Role.INGEST, "ask")]
)
def test_steps_belong_to_roles(shop: Shop, ticket: str, role: Role, step: str) -> None:
    more = {"reason": "vendor"} if step == "hold" else {}
    problem = refused(as_role(shop, role, ticket), ticket, step, **more)
    assert (problem["status"], problem["code"]) == (403, "forbidden")
    assert role.value not in problem["roles"]


def test_a_requester_may_cancel_and_reopen(shop: Shop, ticket: str) -> None:
    requester = as_role(shop, Role.REQUESTER, ticket)
    assert requester.step(ticket, "cancel")["status"] == "cancelled"
    assert requester.step(ticket, "reopen")["status"] == "new"


WRONG_DETAILS = [
    ({"transition": "hold"}, "/reason"),
    ({"transition": "resolve", "reason": "vendor"}, "/reason"),
    ({"transition": "close", "note": "x"}, "/note"),
    ({"transition": "resume", "until": "2030-01-01T00:00:00Z"}, "/until"),
    ({"transition": "ask", "children": "force"}, "/children"),
    ({"transition": "resolve", "children": "ask"}, "/children"),
    ({"transition": "ask", "resolution": {"summary": "x"}}, "/resolution"),
    ({"transition": "ask", "until": "soon"}, "/until"),
    ({"transition": "vanish"}, "/transition"),
]


def test_details_that_a_step_does_not_take_are_refused(
    shop: Shop, ticket: str, subtests: pytest.Subtests
) -> None:
    for body, pointer in WRONG_DETAILS:
        with subtests.test(body=body):
            response = shop.desk.call("POST", f"/v1/tickets/{ticket}/transitions", body)
            assert response.status_code == 422
            assert [error["pointer"] for error in response.get_json()["errors"]] == [pointer]
            assert shop.desk.read(ticket)["status"] == "open"


# What came out of it ------------------------------------------------------------------------------


def put(desk: Desk, ticket: str, what: str, body: dict[str, Any]) -> Any:
    return desk.call("PUT", f"/v1/tickets/{ticket}/{what}", body)


def test_a_solution_is_documented_afterwards(shop: Shop, ticket: str) -> None:
    written = {
        "summary": "A new cable.",
        "cause": "A mouse.",
        "steps_taken": "Looked behind the desk.",
        "lessons_learned": "Keep cats.",
    }
    assert put(shop.desk, ticket, "resolution", written).status_code == 409
    shop.desk.step(ticket, "resolve")
    assert put(shop.desk, ticket, "resolution", written).get_json()["resolution"] == written
    assert shop.desk.events(ticket)[-1]["data"]["changed"] == ["resolution"]
    version = shop.desk.read(ticket)["version"]
    assert put(shop.desk, ticket, "resolution", written).get_json()["version"] == version


def test_a_test_stands_on_the_ticket_and_in_its_event(shop: Shop, ticket: str) -> None:
    shop.desk.step(ticket, "resolve")
    tested = {"method": "test", "by": "Ann Lee", "what": "Connected for an hour."}
    after = put(shop.desk, ticket, "verification", tested).get_json()
    assert after["status"] == "resolved"
    noted = after["verification"]
    assert noted.items() >= {**tested, "passed": True, "on_behalf": False}.items()
    assert noted["recorded_by"].startswith("key:")
    assert shop.desk.events(ticket)[-1]["data"]["verification"] == after["verification"]


def test_a_test_says_who_and_what(shop: Shop, ticket: str) -> None:
    shop.desk.step(ticket, "resolve")
    response = put(shop.desk, ticket, "verification", {"method": "test"})
    assert response.status_code == 422
    assert {e["pointer"] for e in response.get_json()["errors"]} == {"/by", "/what"}


def test_the_requesters_confirmation_closes_the_ticket(shop: Shop, ticket: str) -> None:
    shop.desk.step(ticket, "resolve")
    after = put(shop.desk, ticket, "verification", {"method": "requester"}).get_json()
    assert after["status"] == "closed"
    assert shop.desk.event_types(ticket)[-2:] == ["ticket.verified", "ticket.closed"]


def test_it_stands_on_the_ticket_whether_the_requester_said_it_or_staff_for_them(
    shop: Shop, ticket: str
) -> None:
    shop.desk.step(ticket, "resolve")
    requester = as_role(shop, Role.REQUESTER, ticket)
    by_phone = {"method": "requester", "by": "Told on the phone"}
    noted = put(shop.desk, ticket, "verification", by_phone).get_json()["verification"]
    assert (noted["on_behalf"], noted["by"]) == (True, "Told on the phone")
    put(shop.desk, ticket, "satisfaction", {"score": 5})
    assert shop.desk.read(ticket)["satisfaction"]["on_behalf"]
    put(requester, ticket, "satisfaction", {"score": 2})
    rated = shop.desk.read(ticket)["satisfaction"]
    assert (rated["score"], rated["on_behalf"], rated["changed_at"]) == (2, False, None)
    problem = assert_problem(put(shop.desk, ticket, "satisfaction", {"score": 5}), 409, "conflict")
    assert "themselves" in problem["detail"]
    put(requester, ticket, "verification", {"method": "requester", "by": "Ann Lee"})
    noted = shop.desk.read(ticket)["verification"]
    assert (noted["on_behalf"], noted["by"]) == (False, "Mira Petrova")


def test_agents_do_not_rate_their_own_work(shop: Shop, ticket: str) -> None:
    shop.desk.step(ticket, "resolve")
    response = put(as_role(shop, Role.AGENT), ticket, "satisfaction", {"score": 5})
    assert_problem(response, 403, "forbidden")


def test_a_solution_that_does_not_hold_reopens_the_ticket(shop: Shop, ticket: str) -> None:
    shop.desk.step(ticket, "resolve")
    failed = {"method": "requester", "passed": False, "what": "Still drops."}
    after = put(shop.desk, ticket, "verification", failed).get_json()
    assert (after["status"], after["verification"]) == ("new", None)
    assert shop.desk.event_types(ticket)[-2:] == ["ticket.verified", "ticket.reopened"]
    assert_sound(shop.runtime.database)


def test_a_rating_is_given_once_for_a_resolution_and_may_be_changed_for_a_time(
    shop: Shop, ticket: str, agent: str
) -> None:
    rating = {"score": 4, "comment": "Fine."}
    assert put(shop.desk, ticket, "satisfaction", rating).status_code == 409
    shop.desk.step(ticket, "resolve")
    first = put(shop.desk, ticket, "satisfaction", rating).get_json()["satisfaction"]
    assert (first["score"], first["agent_id"], first["changed_at"]) == (4, agent, None)
    shop.later(days=6)
    better = put(shop.desk, ticket, "satisfaction", {"score": 5}).get_json()["satisfaction"]
    assert (better["score"], better["rated_at"]) == (5, first["rated_at"])
    shop.later(days=2)
    assert put(shop.desk, ticket, "satisfaction", {"score": 1}).status_code == 409
    assert shop.desk.event_types(ticket).count("ticket.rated") == 2


@pytest.mark.parametrize("score", [0, 6, 2.5, "5", None, True])
def test_a_score_is_a_whole_number_from_1_to_5(shop: Shop, ticket: str, score: object) -> None:
    shop.desk.step(ticket, "resolve")
    assert put(shop.desk, ticket, "satisfaction", {"score": score}).status_code == 422


# Families -----------------------------------------------------------------------------------------


def family(desk: Desk, shop: Shop) -> tuple[str, str, str]:
    """A parent, a child and a grandchild, all with somebody."""
    parent, child, grandchild = (desk.ticket()["id"] for _ in range(3))
    desk.link(child, "parent", parent)
    desk.link(grandchild, "parent", child)
    shop.settle()
    return parent, child, grandchild


def test_a_confirmation_closes_a_family_by_the_same_rules(shop: Shop, agent: str) -> None:
    parent, child, grandchild = family(shop.desk, shop)
    shop.desk.step(parent, "resolve", children="force")
    shop.desk.step(grandchild, "reopen")
    confirmed = {"method": "requester"}
    refused_first = put(shop.desk, parent, "verification", confirmed)
    assert assert_problem(refused_first, 409, "conflict")["open_children"] == [child]
    assert shop.desk.read(parent)["verification"] is None
    put(shop.desk, parent, "verification", {**confirmed, "children": "force"})
    assert [shop.desk.read(each)["status"] for each in (parent, child)] == ["closed", "closed"]
    assert shop.desk.read(grandchild)["status"] == "new"
    tested = {"method": "test", "by": "a", "what": "b", "children": "force"}
    assert put(shop.desk, parent, "verification", tested).status_code == 422


def test_open_children_are_offered_when_a_parent_is_resolved(shop: Shop, agent: str) -> None:
    parent, child, grandchild = family(shop.desk, shop)
    problem = refused(shop.desk, parent, "resolve")
    assert problem["status"] == 409
    assert set(problem["open_children"]) == {child, grandchild}
    assert shop.desk.read(parent)["status"] == "open"
    solution = {"summary": "A new core switch."}
    shop.desk.step(parent, "resolve", resolution=solution, children="force")
    assert [shop.desk.read(t)["status"] for t in (child, grandchild)] == ["resolved"] * 2
    assert shop.desk.read(grandchild)["resolution"]["summary"] == "A new core switch."
    assert shop.desk.read_agent(agent)["load"] == 0
    assert_sound(shop.runtime.database)


def test_children_may_be_left_to_themselves(shop: Shop, agent: str) -> None:
    parent, child, _ = family(shop.desk, shop)
    shop.desk.step(parent, "resolve", children="leave")
    assert shop.desk.read(child)["status"] == "open"
    assert shop.desk.read_agent(agent)["load"] == 2


def test_a_setting_takes_the_children_along(new_shop: Any, settings: Settings) -> None:
    shop = new_shop(replace(settings, close_children=ChildrenRule.FORCE))
    shop.desk.agent(5)
    parent, child, grandchild = family(shop.desk, shop)
    shop.desk.step(parent, "resolve")
    assert [shop.desk.read(t)["status"] for t in (child, grandchild)] == ["resolved"] * 2


def test_one_that_fails_does_not_keep_others_from_moving_on(shop: Shop, agent: str) -> None:
    bad, good = (shop.desk.ticket()["id"] for _ in range(2))
    shop.settle()
    for ticket in (bad, good):
        shop.desk.step(ticket, "resolve")
    with shop.runtime.database.engine.begin() as connection:
        # An event of this sequence is there already: telling the next change of it must fail.
        connection.exec_driver_sql(f"UPDATE tickets SET version = 1 WHERE id = '{bad}'")
    shop.later(days=6)
    assert shop.desk.read(good)["status"] == "closed"
    assert shop.desk.read(bad)["status"] == "resolved"
