"""Waiting tickets: everybody with room gets what they can take, and nobody what they must not."""

from tests.fixtures.shops import Shop
from tests.invariants import assert_sound


def test_all_who_come_at_once_get_what_they_can_take(shop: Shop) -> None:
    """More classes of urgent tickets wait for the first agent than both have room for."""
    shop.desk.skill("dns", "vpn")
    one = shop.desk.agent(1, skills={"dns": 1}, presence="away")
    other = shop.desk.agent(1, skills={"vpn": 1}, presence="away")
    for priority in ("critical", "high", "medium"):
        shop.desk.ticket(required_skills=[{"skill": "dns", "level": 1}], priority=priority)
    last = shop.desk.ticket(required_skills=[{"skill": "vpn", "level": 1}], priority="low")["id"]
    shop.settle()
    shop.desk.presence(one, "online")
    shop.desk.presence(other, "online")
    shop.settle()
    assert shop.desk.assignee(last) == other
    assert shop.desk.read_agent(one)["load"] == 1
    assert_sound(shop.runtime.database)


def test_a_conflict_of_interest_that_is_noted_while_a_ticket_waits_counts(shop: Shop) -> None:
    agent = shop.desk.agent(5, presence="away")
    ticket = shop.desk.ticket(tags=["acme"])["id"]
    shop.settle()
    shop.later(seconds=1)
    shop.desk.change_agent(agent, conflicts=["acme"])
    shop.desk.presence(agent, "online")
    shop.settle()
    assert shop.desk.assignee(ticket) is None
    other = shop.desk.agent(5)
    shop.settle()
    assert shop.desk.assignee(ticket) == other


def test_languages_that_are_noted_while_a_ticket_waits_count(shop: Shop) -> None:
    agent = shop.desk.agent(5, presence="away")
    requester = {"name": "Mira Petrova", "email": "mira@example.com", "locale": "ru-RU"}
    tickets = [shop.desk.ticket(requester=requester)["id"] for _ in range(3)]
    shop.later(seconds=1)
    shop.desk.change_agent(agent, languages=["en"])
    shop.desk.presence(agent, "online")
    russian = shop.desk.agent(5, languages=["ru"])
    shop.settle()
    assert {shop.desk.assignee(ticket) for ticket in tickets} == {russian}


def test_a_priority_that_moves_with_the_impact_counts_as_changed(shop: Shop) -> None:
    shop.desk.skill("vpn")
    senior = {"required_skills": [{"skill": "vpn", "level": 4}]}
    rules = [{"name": "urgent", "when": 'ticket.priority == "critical"', "then": senior}]
    shop.desk.ok("PUT", "/v1/routing/rules", {"rules": rules})
    shop.desk.agent(5)
    ticket = shop.desk.ticket(impact="low", urgency="high")["id"]
    shop.settle()
    expert = shop.desk.agent(5, skills={"vpn": 4})
    shop.desk.ok("PATCH", f"/v1/tickets/{ticket}", {"impact": "high"})
    assert shop.desk.read(ticket)["priority"] == "critical"
    shop.settle()
    assert shop.desk.assignee(ticket) == expert
