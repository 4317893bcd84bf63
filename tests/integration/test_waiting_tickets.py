"""A ticket that nobody can take waits, and moves the moment somebody can."""

from collections.abc import Callable

import pytest

from shared.messaging.worker_host import WorkerHost
from shared.runtime import Runtime
from tests.desk import Desk
from tests.invariants import assert_sound
from tests.waiting import eventually

VPN = [{"skill": "vpn", "level": 2}]


@pytest.fixture(autouse=True)
def routing(runtime: Runtime, start_host: Callable[..., WorkerHost]) -> None:
    start_host(runtime, ["router"])


def waiting_ticket(desk: Desk, **changed: object) -> str:
    ticket_id = str(desk.ticket(**changed)["id"])
    eventually(lambda: "ticket.waiting" in desk.event_types(ticket_id))
    return ticket_id


def test_it_says_why_it_waits(desk: Desk) -> None:
    desk.skill("vpn")
    desk.agent(0)
    desk.agent(5, presence="away")
    ticket_id = waiting_ticket(desk)
    event = desk.events(ticket_id)[-1]
    assert event["data"]["reason"] == "is away (1); is at capacity (1)"
    [decision] = desk.decisions(ticket_id)
    assert (decision["outcome"], decision["agent_id"]) == ("waiting", None)


def test_without_any_agent_it_says_so(desk: Desk) -> None:
    event = desk.events(waiting_ticket(desk))[-1]
    assert event["data"]["reason"] == "there are no agents"


def test_it_is_assigned_when_an_agent_comes_online(desk: Desk, runtime: Runtime) -> None:
    agent = desk.agent(5, presence="offline")
    ticket_id = waiting_ticket(desk)
    desk.presence(agent, "online")
    eventually(lambda: desk.assignee(ticket_id) == agent)
    assert_sound(runtime.database)


def test_it_is_assigned_when_an_agent_is_added(desk: Desk) -> None:
    ticket_id = waiting_ticket(desk)
    agent = desk.agent(1)
    eventually(lambda: desk.assignee(ticket_id) == agent)


def test_it_is_assigned_when_a_ticket_is_resolved(desk: Desk, runtime: Runtime) -> None:
    agent = desk.agent(1)
    first = desk.ticket()["id"]
    eventually(lambda: desk.assignee(first))
    second = waiting_ticket(desk)
    desk.step(first, "resolve")
    eventually(lambda: desk.assignee(second) == agent)
    assert_sound(runtime.database)


def test_it_is_assigned_when_capacity_is_raised(desk: Desk) -> None:
    agent = desk.agent(0)
    ticket_id = waiting_ticket(desk)
    desk.change_agent(agent, capacity=1)
    eventually(lambda: desk.assignee(ticket_id) == agent)


def test_it_is_assigned_when_an_agent_learns_the_skill(desk: Desk) -> None:
    desk.skill("vpn")
    agent = desk.agent(5)
    ticket_id = waiting_ticket(desk, required_skills=VPN)
    desk.change_agent(agent, skills=[{"skill": "vpn", "level": 2}])
    eventually(lambda: desk.assignee(ticket_id) == agent)


def test_it_is_assigned_when_an_agent_joins_the_team(desk: Desk) -> None:
    desk.team("network")
    agent = desk.agent(5)
    ticket_id = waiting_ticket(desk, team="network")
    desk.change_agent(agent, teams=["network"])
    eventually(lambda: desk.assignee(ticket_id) == agent)


def test_it_is_routed_again_when_what_it_needs_is_edited(desk: Desk) -> None:
    desk.skill("vpn")
    agent = desk.agent(5)
    ticket_id = waiting_ticket(desk, required_skills=VPN)
    desk.ok("PATCH", f"/v1/tickets/{ticket_id}", {"required_skills": []})
    eventually(lambda: desk.assignee(ticket_id) == agent)


def test_the_most_urgent_of_those_waiting_goes_first(desk: Desk) -> None:
    agent = desk.agent(0)
    low = waiting_ticket(desk, priority="low")
    bulk = waiting_ticket(desk, priority="critical", lane="bulk")
    critical = waiting_ticket(desk, priority="critical")
    for expected in (critical, low, bulk):
        desk.change_agent(agent, capacity=1)
        eventually(lambda expected=expected: desk.assignee(expected) == agent)
        desk.change_agent(agent, capacity=0)
        desk.step(expected, "resolve")


def test_resolving_a_waiting_ticket_ends_its_waiting(desk: Desk, runtime: Runtime) -> None:
    ticket_id = waiting_ticket(desk)
    desk.step(ticket_id, "resolve")
    agent = desk.agent(5)
    other = desk.ticket()["id"]
    eventually(lambda: desk.assignee(other) == agent)
    assert desk.read(ticket_id)["status"] == "resolved"
    assert desk.read_agent(agent)["load"] == 1
    assert_sound(runtime.database)


def test_a_capacity_below_the_load_takes_nothing_away_and_stops_new_tickets(
    desk: Desk, runtime: Runtime
) -> None:
    agent = desk.agent(3)
    held = [desk.ticket()["id"] for _ in range(3)]
    eventually(lambda: all(desk.assignee(ticket_id) for ticket_id in held))
    assert desk.change_agent(agent, capacity=1)["load"] == 3
    waiting = waiting_ticket(desk)
    assert_sound(runtime.database)
    for ticket_id in held[:2]:
        desk.step(ticket_id, "resolve")
        assert desk.assignee(waiting) is None
    desk.step(held[2], "resolve")
    eventually(lambda: desk.assignee(waiting) == agent)
    assert desk.read_agent(agent)["load"] == 1
    assert_sound(runtime.database)


def test_who_goes_offline_returns_what_was_not_begun(desk: Desk, runtime: Runtime) -> None:
    desk.team("network", offline_grace_s=0)
    agent = desk.agent(5, teams=["network"])
    untouched, begun = (desk.ticket(team="network")["id"] for _ in range(2))
    eventually(lambda: desk.assignee(untouched) and desk.assignee(begun))
    desk.ok("PATCH", f"/v1/tickets/{begun}", {"tags": ["looking"]})
    desk.presence(agent, "offline")
    eventually(lambda: "ticket.returned" in desk.event_types(untouched))
    eventually(lambda: desk.event_types(untouched)[-1] == "ticket.waiting")
    assert desk.assignee(begun) == agent
    other = desk.agent(5, teams=["network"])
    eventually(lambda: desk.assignee(untouched) == other)
    assert_sound(runtime.database)


def test_a_team_may_leave_untouched_tickets_with_whoever_is_offline(
    desk: Desk, runtime: Runtime
) -> None:
    desk.team("network", offline_grace_s=None)
    agent = desk.agent(5, teams=["network"])
    kept = desk.ticket(team="network")["id"]
    free = desk.ticket()["id"]
    eventually(lambda: desk.assignee(kept) and desk.assignee(free))
    desk.presence(agent, "offline")
    # The ticket without a team goes back in the same run that leaves the other one alone.
    eventually(lambda: "ticket.returned" in desk.event_types(free))
    assert desk.assignee(kept) == agent
    assert_sound(runtime.database)


def test_who_is_away_keeps_everything_and_gets_nothing_new(desk: Desk) -> None:
    agent = desk.agent(5)
    held = desk.ticket()["id"]
    eventually(lambda: desk.assignee(held))
    desk.presence(agent, "away")
    waiting_ticket(desk)
    assert desk.assignee(held) == agent
