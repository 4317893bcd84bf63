"""Offers: asked first, accepted, declined, run out; never back to who declined while others are."""

import pytest

from tests.fixtures.shops import Shop
from tests.invariants import assert_sound


@pytest.fixture
def offering(shop: Shop) -> Shop:
    """A shop whose team `asked` offers tickets for a minute."""
    shop.desk.ok("PUT", "/v1/routing/profiles/asking", {"offer_s": 60})
    shop.desk.team("asked", profile="asking")
    return shop


def offered_to(shop: Shop, ticket_id: str) -> str | None:
    return shop.desk.read(ticket_id)["offered_to"]


def answer(shop: Shop, ticket_id: str, agent: str, word: str, reason: str | None = None) -> None:
    body = {"agent_id": agent, "answer": word, "reason": reason}
    shop.desk.ok("POST", f"/v1/tickets/{ticket_id}/offer", body)


def test_an_accepted_offer_is_an_assignment(offering: Shop) -> None:
    agent = offering.desk.agent(2, teams=["asked"])
    ticket = offering.desk.ticket(team="asked")["id"]
    offering.settle()
    assert offered_to(offering, ticket) == agent
    assert offering.desk.assignee(ticket) is None
    assert offering.desk.read_agent(agent)["load"] == 1
    answer(offering, ticket, agent, "accept")
    offering.later(minutes=5)
    assert offering.desk.assignee(ticket) == agent
    assert offered_to(offering, ticket) is None
    assert offering.desk.event_types(ticket)[1:] == ["ticket.offered", "ticket.assigned"]
    assert_sound(offering.runtime.database)


def test_a_declined_ticket_goes_to_somebody_else_and_not_back(offering: Shop) -> None:
    agents = {offering.desk.agent(2, teams=["asked"]) for _ in range(3)}
    ticket = offering.desk.ticket(team="asked")["id"]
    asked = []
    for _ in agents:
        offering.settle()
        asked.append(offered_to(offering, ticket))
        answer(offering, ticket, asked[-1], "decline", "busy")
    assert set(asked) == agents
    event = offering.desk.events(ticket)[-1]
    assert event["data"]["reason"] == "busy"
    assert event["data"]["expired"] is False
    assert_sound(offering.runtime.database)


def test_an_offer_that_runs_out_goes_to_the_next(offering: Shop) -> None:
    agents = {offering.desk.agent(2, teams=["asked"]) for _ in range(2)}
    ticket = offering.desk.ticket(team="asked")["id"]
    offering.settle()
    first = offered_to(offering, ticket)
    offering.later(seconds=59)
    assert offered_to(offering, ticket) == first
    offering.later(seconds=2)
    [second] = agents - {first}
    assert offered_to(offering, ticket) == second
    assert offering.desk.read_agent(first)["load"] == 0
    late = {"agent_id": first, "answer": "accept"}
    assert offering.desk.call("POST", f"/v1/tickets/{ticket}/offer", late).status_code == 409
    assert_sound(offering.runtime.database)


def test_who_declined_is_asked_again_when_nobody_else_is_left(offering: Shop) -> None:
    only = offering.desk.agent(2, teams=["asked"])
    ticket = offering.desk.ticket(team="asked")["id"]
    offering.settle()
    answer(offering, ticket, only, "decline")
    offering.settle()
    assert offered_to(offering, ticket) is None
    offering.later(seconds=61)
    assert offered_to(offering, ticket) == only
    assert_sound(offering.runtime.database)


def test_who_declined_is_not_asked_while_others_are_only_busy(offering: Shop) -> None:
    decliner = offering.desk.agent(2, teams=["asked"])
    busy = offering.desk.agent(1, teams=["asked"], presence="away")
    ticket = offering.desk.ticket(team="asked")["id"]
    offering.settle()
    answer(offering, ticket, decliner, "decline")
    offering.later(minutes=10)
    assert offered_to(offering, ticket) is None
    offering.desk.presence(busy, "online")
    offering.settle()
    assert offered_to(offering, ticket) == busy


def test_only_who_was_asked_may_answer(offering: Shop) -> None:
    agents = {offering.desk.agent(2, teams=["asked"]) for _ in range(2)}
    ticket = offering.desk.ticket(team="asked")["id"]
    offering.settle()
    [other] = agents - {offered_to(offering, ticket)}
    body = {"agent_id": other, "answer": "accept"}
    refused = offering.desk.call("POST", f"/v1/tickets/{ticket}/offer", body)
    assert refused.status_code == 409
    assert refused.get_json()["code"] == "conflict"


def test_a_ticket_that_is_resolved_while_offered_frees_the_agent(offering: Shop) -> None:
    agent = offering.desk.agent(2, teams=["asked"])
    ticket = offering.desk.ticket(team="asked")["id"]
    offering.settle()
    offering.desk.step(ticket, "resolve")
    offering.later(minutes=5)
    assert offering.desk.read_agent(agent)["load"] == 0
    assert offered_to(offering, ticket) is None
    assert_sound(offering.runtime.database)
