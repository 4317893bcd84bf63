"""What rules do to a ticket, when it takes effect, and what happens when their reasons change."""

from typing import Any

from tests.fixtures.shops import Shop
from tests.invariants import assert_sound

VPN = 'ticket.category == "vpn"'


def rules(shop: Shop, *asked: tuple[str, dict[str, Any]]) -> None:
    """Put rules in force, each a condition and what it does."""
    documents = [
        {"name": f"rule {number}", "when": when, "then": then}
        for number, (when, then) in enumerate(asked)
    ]
    shop.desk.ok("PUT", "/v1/routing/rules", {"rules": documents})


def needs(skill: str, level: int = 1, **more: Any) -> dict[str, Any]:
    return {"required_skills": [{"skill": skill, "level": level, **more}]}


def edit(shop: Shop, ticket: str, **changed: Any) -> None:
    shop.desk.ok("PATCH", f"/v1/tickets/{ticket}", changed)
    shop.settle()


def test_required_skills_are_dropped_in_steps_each_after_its_wait(shop: Shop) -> None:
    shop.desk.skill("vpn", "dns")
    rules(
        shop,
        ("true", needs("vpn", 3, drop_after="2m")),
        ("true", needs("dns", 2, drop_after="5m")),
    )
    dns = shop.desk.agent(5, skills={"dns": 2}, presence="away")
    anybody = shop.desk.agent(5)
    tickets = [shop.desk.ticket()["id"] for _ in range(2)]
    shop.later(seconds=119)
    shop.desk.presence(dns, "online")
    shop.settle()
    assert [shop.desk.assignee(t) for t in tickets] == [None, None]
    shop.desk.change_agent(dns, capacity=1)
    shop.later(seconds=2)
    served = [shop.desk.assignee(t) for t in tickets]
    assert sorted(map(str, served)) == ["None", dns]
    shop.later(seconds=178)
    assert [shop.desk.assignee(t) for t in tickets] == served
    shop.later(seconds=2)
    assert {shop.desk.assignee(t) for t in tickets} == {dns, anybody}
    assert_sound(shop.runtime.database)


def test_what_the_ticket_itself_requires_is_never_dropped(shop: Shop) -> None:
    shop.desk.skill("vpn")
    rules(shop, ("true", needs("vpn", 3, drop_after="2m")))
    shop.desk.agent(5)
    beginner = shop.desk.agent(5, skills={"vpn": 1}, presence="away")
    ticket = shop.desk.ticket(**needs("vpn", 1))["id"]
    shop.later(days=29)
    assert shop.desk.assignee(ticket) is None
    shop.desk.presence(beginner, "online")
    shop.settle()
    assert shop.desk.assignee(ticket) is None


def test_a_ticket_that_is_routed_again_does_not_take_the_rules_work_for_its_own(shop: Shop) -> None:
    shop.desk.skill("vpn")
    shop.desk.team("network")
    then = {"team": "network", "priority": "high", "tags": ["tunnel"], **needs("vpn")}
    rules(shop, (VPN, then))
    junior = shop.desk.agent(5)
    ticket = shop.desk.ticket(category="vpn", priority="low")["id"]
    shop.settle()
    found = shop.desk.read(ticket)
    assert (found["team"], found["priority"], found["tags"]) == ("network", "high", ["tunnel"])
    assert [need["skill"] for need in found["required_skills"]] == ["vpn"]
    edit(shop, ticket, category="mail")
    found = shop.desk.read(ticket)
    assert (found["team"], found["priority"], found["tags"]) == (None, "low", [])
    assert found["required_skills"] == []
    assert shop.desk.assignee(ticket) == junior


def test_a_returned_ticket_lets_go_of_rules_that_are_gone(shop: Shop) -> None:
    shop.desk.team("network")
    rules(shop, ("true", {"team": "network"}))
    agent = shop.desk.agent(5, teams=["network"])
    ticket = shop.desk.ticket()["id"]
    shop.settle()
    rules(shop)
    other = shop.desk.agent(5)
    shop.desk.presence(agent, "offline")
    shop.settle()
    assert shop.desk.assignee(ticket) == other
    assert shop.desk.read(ticket)["team"] is None


def test_a_delay_holds_a_ticket_back_that_long_and_it_is_routed_once(shop: Shop) -> None:
    rules(shop, (VPN, {"delay": "10m"}))
    agent = shop.desk.agent(5)
    held, other = shop.desk.ticket(category="vpn")["id"], shop.desk.ticket()["id"]
    shop.later(minutes=5)
    shop.later(seconds=299)
    assert (shop.desk.assignee(held), shop.desk.assignee(other)) == (None, agent)
    assert shop.desk.decisions(held) == []
    shop.later(seconds=1)
    assert shop.desk.assignee(held) == agent
    shop.later(hours=2)
    assert shop.desk.event_types(held) == ["ticket.created", "ticket.assigned"]
    assert len(shop.desk.decisions(held)) == 1
    assert_sound(shop.runtime.database)


def test_what_rules_set_is_on_the_ticket_and_in_the_decision(shop: Shop) -> None:
    shop.desk.skill("vpn", "windows")
    shop.desk.sla_policy("gold")
    then = {
        "tags": ["tunnel", "mine"],
        "urgency": "high",
        "priority": "critical",
        "sla_policy": "gold",
        "preferred_skills": [{"skill": "windows", "level": 2}],
    }
    rules(shop, (VPN, then))
    shop.desk.agent(5)
    knows = shop.desk.agent(5, skills={"windows": 3})
    ticket = shop.desk.ticket(category="vpn", tags=["mine"], priority="low")["id"]
    shop.settle()
    found = shop.desk.read(ticket)
    assert found["tags"] == ["mine", "tunnel"]
    assert (found["urgency"], found["priority"], found["sla_policy"]) == (
        "high",
        "critical",
        "gold",
    )
    assert shop.desk.assignee(ticket) == knows
    [decision] = shop.desk.decisions(ticket)
    explanation = decision["explanation"]
    assert explanation["rules_fired"] == ["rule 0"]
    assert (explanation["priority"], explanation["sla_policy"]) == ("critical", "gold")
    assert explanation["subject"]["preferred"] == [["windows", 2]]


def test_a_profile_that_a_rule_names_decides(shop: Shop) -> None:
    shop.desk.ok("PUT", "/v1/routing/profiles/asking", {"offer_s": 60, "scorers": {"random": 1.0}})
    shop.desk.team("first")
    rules(shop, (VPN, {"profile": "asking"}))
    agent = shop.desk.agent(5, teams=["first"])
    asked = shop.desk.ticket(category="vpn", team="first")["id"]
    given = shop.desk.ticket(team="first")["id"]
    shop.settle()
    assert shop.desk.read(asked)["offered_to"] == agent
    assert shop.desk.assignee(given) == agent
    [decision] = shop.desk.decisions(asked)
    assert decision["explanation"]["profile"]["name"] == "asking"
    assert decision["explanation"]["weights"] == {"random": 1.0}


def test_a_ticket_handed_over_stays_with_its_team_whatever_a_rule_says(shop: Shop) -> None:
    for name in ("network", "second"):
        shop.desk.team(name)
    rules(shop, (VPN, {"team": "network"}))
    shop.desk.agent(5, teams=["network"])
    ticket = shop.desk.ticket(category="vpn")["id"]
    shop.settle()
    shop.desk.ok("POST", f"/v1/tickets/{ticket}/transfer", {"team": "second"})
    shop.settle()
    assert shop.desk.assignee(ticket) is None
    second = shop.desk.agent(5, teams=["second"])
    shop.settle()
    assert shop.desk.assignee(ticket) == second
    assert shop.desk.read(ticket)["team"] == "second"
    edit(shop, ticket, subject="Still the VPN", category="vpn")
    shop.desk.presence(second, "offline")
    shop.later(hours=1)
    assert shop.desk.read(ticket)["team"] == "second"
    assert_sound(shop.runtime.database)


def test_a_field_that_a_rule_looked_at_moves_a_ticket_whose_agent_no_longer_fits(
    shop: Shop,
) -> None:
    shop.desk.skill("vpn")
    rules(shop, (VPN, needs("vpn", 2)))
    first = shop.desk.agent(5)
    ticket = shop.desk.ticket(category="mail")["id"]
    shop.settle()
    assert shop.desk.assignee(ticket) == first
    expert = shop.desk.agent(5, skills={"vpn": 2})
    edit(shop, ticket, category="vpn")
    assert shop.desk.assignee(ticket) == expert
    assert shop.desk.event_types(ticket)[-3:] == [
        "ticket.updated",
        "ticket.returned",
        "ticket.assigned",
    ]
    assert shop.desk.read_agent(first)["load"] == 0
    assert_sound(shop.runtime.database)


def test_it_stays_where_the_agent_fits_even_if_away_and_full(shop: Shop) -> None:
    shop.desk.skill("vpn")
    rules(shop, (VPN, needs("vpn", 2)))
    holder = shop.desk.agent(1, skills={"vpn": 2})
    ticket = shop.desk.ticket(category="mail")["id"]
    shop.settle()
    shop.desk.agent(5, skills={"vpn": 5})
    shop.desk.presence(holder, "away")
    shop.settle()
    edit(shop, ticket, category="vpn")
    assert shop.desk.assignee(ticket) == holder
    assert shop.desk.event_types(ticket)[-1] == "ticket.updated"
    assert_sound(shop.runtime.database)


def test_fields_that_no_rule_looked_at_move_nothing(shop: Shop) -> None:
    shop.desk.skill("vpn")
    shop.desk.team("network")
    rules(shop, (VPN, needs("vpn", 2)))
    holder = shop.desk.agent(5)
    ticket = shop.desk.ticket(category="mail")["id"]
    shop.settle()
    shop.desk.agent(5, skills={"vpn": 5}, teams=["network"])
    edit(shop, ticket, subject="VPN", product="router", priority="critical", **needs("vpn", 5))
    shop.later(hours=1)
    assert shop.desk.assignee(ticket) == holder
    assert len(shop.desk.decisions(ticket)) == 1
