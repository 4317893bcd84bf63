"""Rule sets on the wire: what is taken, and what is refused with a pointer to the place."""

from typing import Any

import pytest
from marshmallow import ValidationError

from shared.schemas.refusal import pointers
from shared.schemas.rules import PutRulesSchema


def complaints(*rules: Any, **more: Any) -> dict[str, str]:
    """What is wrong with rules, by pointer."""
    with pytest.raises(ValidationError) as caught:
        PutRulesSchema().load({"rules": list(rules), **more})
    return {each.pointer: each.detail for each in pointers(caught.value.messages, "")}


def rule(**then: Any) -> dict[str, Any]:
    return {"name": "a", "then": then}


def test_a_whole_rule_set_comes_back_as_it_was_written() -> None:
    document = {
        "time_zone": "Europe/Berlin",
        "rules": [
            {
                "name": "everything",
                "when": 'ticket.category == "vpn"',
                "then": {
                    "team": "network",
                    "priority": "high",
                    "urgency": "low",
                    "required_skills": [{"skill": "vpn", "level": 2, "drop_after": "10m"}],
                    "preferred_skills": [{"skill": "dns", "level": 1}],
                    "tags": ["vip"],
                    "sla_policy": "gold",
                    "profile": "calm",
                    "delay": "2h",
                    "stop": True,
                },
            }
        ],
    }
    assert PutRulesSchema().dump(PutRulesSchema().load(document)) == document


def test_what_is_left_out_has_its_default() -> None:
    loaded = PutRulesSchema().load({"rules": [rule()]})
    assert loaded == {
        "time_zone": "UTC",
        "rules": [{"name": "a", "when": "true", "then": {"stop": False}}],
    }


def test_a_bad_condition_is_told_with_line_and_column() -> None:
    found = complaints(rule(), {**rule(), "name": "b", "when": "true &&\n ticket.nobody == 1"})
    assert list(found) == ["/rules/1/when"]
    assert found["/rules/1/when"].startswith("Line 2, column 8: there is no 'ticket.nobody'")


def test_the_old_form_of_conditions_is_refused_with_the_new_one() -> None:
    found = complaints({**rule(), "when": {"category": ["vpn"]}})
    assert "ticket.category ==" in found["/rules/0/when"]
    assert "/rules/0/when" in complaints({**rule(), "when": None})


def test_names_that_come_twice_are_refused() -> None:
    assert list(complaints(rule(), rule())) == ["/rules/1/name"]


@pytest.mark.parametrize("zone", ["Mars/Olympus", "", "../UTC", "\x00"])
def test_a_zone_that_does_not_exist_is_refused(zone: str) -> None:
    assert list(complaints(time_zone=zone)) == ["/time_zone"]


@pytest.mark.parametrize(
    ("then", "pointer"),
    [
        ({"team": "No Slug"}, "/team"),
        ({"priority": "urgent"}, "/priority"),
        ({"urgency": "critical"}, "/urgency"),
        ({"required_skills": [{"skill": "vpn", "level": 6}]}, "/required_skills/0/level"),
        ({"required_skills": [{"skill": "a"}, {"skill": "a"}]}, "/required_skills/1/skill"),
        (
            {"required_skills": [{"skill": "a", "drop_after": "1w"}]},
            "/required_skills/0/drop_after",
        ),
        ({"required_skills": [{"skill": "a", "drop_after": 0}]}, "/required_skills/0/drop_after"),
        ({"preferred_skills": [{"skill": "a", "drop_after": 9}]}, "/preferred_skills/0/drop_after"),
        ({"preferred_skills": [{"skill": "a", "level": 0}]}, "/preferred_skills/0/level"),
        ({"tags": ["fine", "Not Fine"]}, "/tags/1"),
        ({"sla_policy": ""}, "/sla_policy"),
        ({"profile": "a/b"}, "/profile"),
        ({"delay": "31d"}, "/delay"),
        ({"delay": "soon"}, "/delay"),
        ({"delay": None}, "/delay"),
        ({"assign": "me"}, "/assign"),
    ],
)
def test_actions_that_make_no_sense_are_refused(then: dict[str, Any], pointer: str) -> None:
    assert list(complaints(rule(**then))) == [f"/rules/0/then{pointer}"]


def test_more_than_a_thousand_rules_are_refused() -> None:
    many = [{**rule(), "name": str(number)} for number in range(1001)]
    assert list(complaints(*many)) == ["/rules"]
