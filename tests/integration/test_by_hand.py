"""What people decide themselves: assigning with and without the guard, handing over."""

from tests.fixtures.shops import Shop
from tests.invariants import assert_sound


def assign(shop: Shop, ticket: str, agent: str, **more: object) -> int:
    body = {"agent_id": agent, **more}
    return shop.desk.call("PUT", f"/v1/tickets/{ticket}/assignment", body).status_code


def test_a_ticket_can_be_given_to_somebody_by_name(shop: Shop) -> None:
    first, second = shop.desk.agent(2), shop.desk.agent(2)
    ticket = shop.desk.ticket()["id"]
    shop.settle()
    holder = shop.desk.assignee(ticket)
    [other] = {first, second} - {holder}
    assert assign(shop, ticket, other, reason="knows the customer") == 200
    assert shop.desk.assignee(ticket) == other
    assert shop.desk.read_agent(holder)["load"] == 0
    by_hand = shop.desk.decisions(ticket)[-1]["explanation"]["by_hand"]
    assert by_hand["guard"] is True
    assert by_hand["reason"] == "knows the customer"
    shop.settle()
    assert shop.desk.assignee(ticket) == other
    assert_sound(shop.runtime.database)


def test_the_guard_refuses_who_is_full_and_changes_nothing(shop: Shop) -> None:
    free, full = shop.desk.agent(2), shop.desk.agent(0)
    ticket = shop.desk.ticket()["id"]
    shop.settle()
    version = shop.desk.read(ticket)["version"]
    assert assign(shop, ticket, full) == 409
    assert shop.desk.assignee(ticket) == free
    assert shop.desk.read(ticket)["version"] == version
    assert_sound(shop.runtime.database)


def test_without_the_guard_even_who_is_full_gets_it_and_it_is_on_record(shop: Shop) -> None:
    full = shop.desk.agent(0, presence="away")
    ticket = shop.desk.ticket()["id"]
    shop.settle()
    assert assign(shop, ticket, full, guard=False) == 200
    assert shop.desk.assignee(ticket) == full
    assert shop.desk.decisions(ticket)[-1]["explanation"]["by_hand"]["guard"] is False
    assert_sound(shop.runtime.database)


def test_nobody_unknown_and_nothing_that_is_over_is_assigned(shop: Shop) -> None:
    agent = shop.desk.agent(2)
    ticket = shop.desk.ticket()["id"]
    assert assign(shop, ticket, "agt_nobody") == 422
    shop.settle()
    shop.desk.step(ticket, "resolve")
    assert assign(shop, ticket, agent) == 409


def test_a_ticket_is_handed_over_to_another_team(shop: Shop) -> None:
    shop.desk.team("first")
    shop.desk.team("second")
    one, two = shop.desk.agent(2, teams=["first"]), shop.desk.agent(2, teams=["second"])
    ticket = shop.desk.ticket(team="first")["id"]
    shop.settle()
    assert shop.desk.assignee(ticket) == one
    body = {"team": "second", "escalate": True, "priority": "critical", "reason": "too hard"}
    document = shop.desk.ok("POST", f"/v1/tickets/{ticket}/transfer", body)
    assert (document["status"], document["team"], document["priority"]) == (
        "new",
        "second",
        "critical",
    )
    shop.settle()
    assert shop.desk.assignee(ticket) == two
    [told] = [e for e in shop.desk.events(ticket) if e["type"] == "ticket.transferred"]
    assert told["data"]["from_team"] == "first"
    assert told["data"]["from_agent"]["id"] == one
    assert told["data"]["escalated"] is True
    assert_sound(shop.runtime.database)


def test_an_unknown_team_is_refused_with_a_pointer(shop: Shop) -> None:
    ticket = shop.desk.ticket()["id"]
    refused = shop.desk.call("POST", f"/v1/tickets/{ticket}/transfer", {"team": "nowhere"})
    assert refused.status_code == 422
    assert refused.get_json()["errors"][0]["pointer"] == "/team"


def test_a_reopened_ticket_goes_back_to_its_former_agent(shop: Shop) -> None:
    agents = [shop.desk.agent(5) for _ in range(3)]
    ticket = shop.desk.ticket()["id"]
    shop.settle()
    former = shop.desk.assignee(ticket)
    assert former in agents
    shop.desk.step(ticket, "resolve")
    for _ in range(2):
        other = shop.desk.ticket()["id"]
        shop.settle()
        assert assign(shop, other, former) == 200
    shop.desk.step(ticket, "reopen")
    shop.settle()
    assert shop.desk.assignee(ticket) == former


def test_a_reopened_ticket_whose_agent_is_gone_is_routed_anew(shop: Shop) -> None:
    first = shop.desk.agent(5)
    ticket = shop.desk.ticket()["id"]
    shop.settle()
    shop.desk.step(ticket, "resolve")
    shop.desk.presence(first, "offline")
    second = shop.desk.agent(5)
    shop.desk.step(ticket, "reopen")
    shop.settle()
    assert shop.desk.assignee(ticket) == second


def test_what_is_given_to_somebody_who_is_away_for_good_comes_back_at_once(shop: Shop) -> None:
    shop.desk.team("network", offline_grace_s=0)
    gone = shop.desk.agent(5, presence="offline", teams=["network"])
    there = shop.desk.agent(5, teams=["network"])
    ticket = shop.desk.ticket(team="network")["id"]
    shop.settle()
    shop.desk.ok("PUT", f"/v1/tickets/{ticket}/assignment", {"agent_id": gone, "guard": False})
    shop.settle()
    assert shop.desk.assignee(ticket) == there
    assert_sound(shop.runtime.database)
