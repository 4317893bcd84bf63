"""Rules: ordered data that turns what a ticket says into what it needs."""

from typing import Any

from services.router.rules import apply_rules, parse_rules
from shared.domain.ticket import Channel, Priority, TicketType
from shared.schemas.rules import MATCHABLE, PutRulesSchema

TICKET: dict[str, Any] = {
    "type": TicketType.TECHNICAL_PROBLEM,
    "category": "vpn",
    "product": None,
    "severity": None,
    "impact": None,
    "urgency": None,
    "priority": Priority.MEDIUM,
    "channel": Channel.EMAIL,
    "team": None,
    "tags": ["laptop", "remote"],
    "required_skills": [{"skill": "vpn", "level": 2}],
}


def routed(*rules: dict[str, Any], **changed: Any) -> Any:
    """Apply rules as they come over the wire."""
    named = [{"name": f"rule {number}", "then": {}, **rule} for number, rule in enumerate(rules)]
    loaded = PutRulesSchema().load({"rules": named})
    documents = PutRulesSchema().dump(loaded)["rules"]
    return apply_rules(parse_rules(1, documents), {**TICKET, **changed})


def test_without_rules_a_ticket_needs_what_it_says() -> None:
    found = routed()
    assert (found.need.team, found.need.skills) == (None, (("vpn", 2),))
    assert (found.priority, found.fired) == (Priority.MEDIUM, ())


def test_every_field_of_when_must_have_one_of_its_values() -> None:
    when = {"category": ["dns", "vpn"], "channel": ["email"]}
    assert routed({"when": when}).fired == ("rule 0",)
    assert routed({"when": when}, channel=Channel.PHONE).fired == ()
    assert routed({"when": {"type": ["technical_problem"]}}).fired == ("rule 0",)


def test_a_field_without_a_value_matches_nothing_and_no_condition_matches_all() -> None:
    assert routed({"when": {"product": ["router"]}}).fired == ()
    assert routed({"when": {}}).fired == ("rule 0",)


def test_one_tag_is_enough() -> None:
    assert routed({"when": {"tags": ["desktop", "remote"]}}).fired == ("rule 0",)
    assert routed({"when": {"tags": ["desktop"]}}).fired == ()


def test_later_rules_override_team_and_priority_and_skills_add_up() -> None:
    found = routed(
        {
            "then": {
                "team": "first",
                "priority": "high",
                "required_skills": [{"skill": "vpn", "level": 4}, {"skill": "dns"}],
            }
        },
        {"then": {"team": "second", "required_skills": [{"skill": "vpn", "level": 1}]}},
    )
    assert found.need.team == "second"
    assert found.priority is Priority.HIGH
    assert found.need.skills == (("dns", 1), ("vpn", 4))
    assert found.fired == ("rule 0", "rule 1")


def test_a_rule_may_stop_the_others() -> None:
    found = routed({"then": {"stop": True}}, {"then": {"team": "second"}})
    assert (found.fired, found.need.team) == (("rule 0",), None)


def test_the_signature_is_the_same_for_the_same_need() -> None:
    turned = [{"skill": "vpn", "level": 2}, {"skill": "dns", "level": 1}]
    one = routed(team="net", required_skills=turned).need
    other = routed(team="net", required_skills=turned[::-1]).need
    assert one == other
    assert one.signature == other.signature == "net|dns:1,vpn:2"
    assert routed(team=None, required_skills=[]).need.signature == "|"


def test_every_field_that_a_rule_may_look_at_is_one_of_a_ticket() -> None:
    for field in MATCHABLE:
        assert routed({"when": {field: ["no such value"]}}).fired == ()
