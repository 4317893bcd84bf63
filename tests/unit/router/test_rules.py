"""Rules: ordered data that turns what a ticket says into what it needs."""

from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from services.router.model import Routed
from services.router.rules import NO_RULES, apply_rules, parse_rules
from shared.domain.ticket import Channel, Level, Priority
from shared.schemas.rules import PutRulesSchema
from tests.ticket_rows import ticket_row

NOW = datetime(2026, 1, 1, 23, 30, tzinfo=UTC)


def routed(*rules: dict[str, Any], zone: str = "UTC", **changed: Any) -> Routed:
    """Apply rules as they come over the wire."""
    named = [{"name": f"rule {number}", "then": {}, **rule} for number, rule in enumerate(rules)]
    loaded = PutRulesSchema().load({"rules": named, "time_zone": zone})
    stored = PutRulesSchema().dump(loaded)
    found = parse_rules(1, stored["rules"], stored["time_zone"])
    return apply_rules(found, ticket_row(**changed), NOW)


def skill(name: str, level: int = 1, **more: Any) -> dict[str, Any]:
    return {"skill": name, "level": level, **more}


def test_without_rules_a_ticket_needs_what_it_says() -> None:
    found = apply_rules(NO_RULES, ticket_row(), NOW)
    assert (found.need.team, found.need.skills) == (None, (("vpn", 2),))
    assert found == Routed(found.need, Priority.MEDIUM, ())


def test_a_rule_fires_if_its_condition_holds() -> None:
    when = 'ticket.category in ["dns", "vpn"] && ticket.channel == "email"'
    assert routed({"when": when}).fired == ("rule 0",)
    assert routed({"when": when}, channel=Channel.PHONE).fired == ()
    assert routed({}).fired == ("rule 0",)


def test_later_rules_override_single_values() -> None:
    first = {
        "team": "first",
        "priority": "high",
        "urgency": "low",
        "sla_policy": "gold",
        "profile": "calm",
    }
    found = routed({"then": first}, {"then": {"team": "second", "urgency": "high"}}, {})
    assert found.need.team == "second"
    assert (found.priority, found.urgency) == (Priority.HIGH, Level.HIGH)
    assert (found.sla_policy, found.profile) == ("gold", "calm")
    assert found.fired == ("rule 0", "rule 1", "rule 2")


def test_what_no_rule_sets_stays() -> None:
    found = routed({}, team="own", priority=Priority.LOW, urgency=Level.LOW)
    assert (found.need.team, found.priority, found.urgency) == ("own", Priority.LOW, None)


def test_skills_add_up_and_the_higher_level_wins() -> None:
    found = routed(
        {"then": {"required_skills": [skill("vpn", 4), {"skill": "dns"}]}},
        {"then": {"required_skills": [skill("vpn", 1)]}},
        {"then": {"preferred_skills": [skill("french", 2)]}},
        {"then": {"preferred_skills": [skill("french", 3), skill("dns", 5)]}},
    )
    assert found.need.skills == (("dns", 1), ("vpn", 4))
    assert found.preferred == (("dns", 5), ("french", 3))


def test_a_skill_is_dropped_when_everybody_who_asked_for_it_lets_go() -> None:
    found = routed(
        {"then": {"required_skills": [skill("dns", drop_after="10m"), skill("mac", drop_after=5)]}},
        {"then": {"required_skills": [skill("dns", drop_after="2h"), skill("mac", 2)]}},
    )
    assert found.drops == (("dns", 7200),)
    assert found.need.skills == (("dns", 1), ("mac", 2), ("vpn", 2))


def test_what_the_ticket_itself_requires_is_never_dropped() -> None:
    found = routed({"then": {"required_skills": [skill("vpn", 5, drop_after="1m")]}})
    assert (found.need.skills, found.drops) == ((("vpn", 5),), ())


def test_tags_are_added_once_and_the_longest_delay_holds() -> None:
    found = routed(
        {"then": {"tags": ["vip", "remote"], "delay": "2h"}},
        {"then": {"tags": ["late", "vip"], "delay": "90m"}},
    )
    assert (found.tags, found.delay) == (("vip", "late"), 7200)


def test_a_rule_may_stop_the_others() -> None:
    found = routed(
        {"when": 'ticket.category == "vpn"', "then": {"stop": True}},
        {"when": "ticket.product == null", "then": {"team": "second"}},
    )
    assert (found.fired, found.need.team) == (("rule 0",), None)
    assert found.looked_at == {"category"}


def test_no_rule_sees_what_another_set() -> None:
    found = routed(
        {"then": {"team": "network", "tags": ["vip"], "priority": "critical"}},
        {"when": 'ticket.team == "network" || "vip" in ticket.tags', "then": {"team": "other"}},
        {"when": 'ticket.priority == "critical"', "then": {"team": "other"}},
    )
    assert (found.fired, found.need.team) == (("rule 0",), "network")


def test_what_was_looked_at_is_known_whether_or_not_it_held() -> None:
    found = routed(
        {"when": 'ticket.category == "x" && ticket.impact == "high"'},
        {"when": 'requester.email == "a" || time.hour == 3'},
        {"when": "ticket.custom_fields.nothing == 1"},
    )
    assert found.looked_at == {"category", "impact", "requester", "custom_fields"}


def test_time_is_that_of_the_rule_set() -> None:
    night = {"when": "time.weekday == 5 && time.hour < 6"}
    assert routed(night).fired == ()
    assert routed(night, zone="Europe/Paris").fired == ("rule 0",)


def test_a_condition_without_an_answer_does_not_match_and_is_named() -> None:
    found = routed(
        {"when": "ticket.custom_fields.vip == true", "then": {"team": "first"}},
        {"then": {"team": "second"}},
    )
    assert (found.fired, found.need.team) == (("rule 1",), "second")
    [error] = found.errors
    assert error.startswith("rule 'rule 0': Key not found")


def test_a_stored_condition_that_no_longer_compiles_does_not_match_and_is_named() -> None:
    stored = [
        {"name": "old", "when": {"category": ["vpn"]}, "then": {"team": "first"}},
        {"name": "odd", "when": "ticket.colour == 1", "then": {"team": "first"}},
        {"name": "fine", "then": {"team": "second"}},
    ]
    found = apply_rules(parse_rules(1, stored, "Mars/Olympus"), ticket_row(), NOW)
    assert (found.fired, found.need.team) == (("fine",), "second")
    zone, old, odd = found.errors
    assert "time zone" in zone
    assert old == "rule 'old': its condition is not text"
    assert odd.startswith("rule 'odd': Line 1, column 7: there is no 'ticket.colour'")


def test_the_signature_is_the_same_for_the_same_need() -> None:
    turned = [skill("vpn", 2), skill("dns")]
    one = routed(team="net", required_skills=turned).need
    other = routed(team="net", required_skills=turned[::-1]).need
    assert one == other
    assert one.signature == other.signature == "net|dns:1,vpn:2"
    assert routed(team=None, required_skills=[]).need.signature == "|"


LEVELS = st.integers(1, 5)
SKILLS = st.dictionaries(st.sampled_from(["dns", "mac", "vpn"]), LEVELS)
RULES = st.lists(st.tuples(SKILLS, st.booleans(), st.booleans()), max_size=6)


@given(RULES)
def test_the_need_is_the_most_that_the_rules_up_to_the_first_stop_ask(
    drawn: list[tuple[dict[str, int], bool, bool]],
) -> None:
    rules = [
        {
            "when": "true" if fires else "false",
            "then": {"required_skills": [skill(*pair) for pair in skills.items()], "stop": stop},
        }
        for skills, fires, stop in drawn
    ]
    expected, fired = {"vpn": 2}, []
    for number, (skills, fires, stop) in enumerate(drawn):
        if fires:
            fired.append(f"rule {number}")
            expected = {k: max(skills.get(k, 0), expected.get(k, 0)) for k in skills | expected}
        if fires and stop:
            break
    found = routed(*rules)
    assert found.fired == tuple(fired)
    assert dict(found.need.skills) == expected
