"""docs/routing.md: its rules are rules, its conditions are conditions, its lists are complete."""

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from services.cli.rule_file import read_rule_file
from services.intake.rule_sets import load_rule_set, written
from services.router import shadow
from services.router.model import Routed
from services.router.rules import apply_rules, parse_rules
from shared.db import trial_report
from shared.db.housekeeping import SHADOWS_KEPT
from shared.db.shadow_report import MEASURES, TOP_PAIRS
from shared.domain.errors import BadExpression
from shared.domain.expression import MAX_SOURCE, compile_expression
from shared.domain.samples import MIN_SAMPLE
from shared.domain.ticket_facts import DESCRIPTION_SEEN, ticket_environment
from shared.schemas.rules import MAX_WAIT_S, RuleActionsSchema
from tests.ticket_rows import ticket_row

TEXT = (Path(__file__).parents[2] / "docs/routing.md").read_text()
RULES, CONDITIONS, ACTIONS = (
    re.search(rf"^#+ {title}\n(.*?)^##", TEXT, re.DOTALL | re.MULTILINE)[1]  # type: ignore[index]
    for title in ("Rules", "Conditions", "Actions")
)
#: A Thursday at 04:30 in Berlin.
NIGHT = datetime(2026, 1, 1, 3, 30, tzinfo=UTC)


def first_column(section: str, header: str) -> list[str]:
    """What stands in backticks in the first column of the table with this header."""
    rows = section.partition(header)[2].strip().partition("\n\n")[0].splitlines()[1:]
    cells = [re.split(r"(?<!\|) \| (?!\|)", row.removeprefix("| "))[0] for row in rows]
    return [found for cell in cells for found in re.findall(r"`([^`]+)`", cell)]


@pytest.fixture
def example(tmp_path: Path) -> dict[str, Any]:
    """The rules that the page begins with, read as a file."""
    [block] = re.findall(r"```yaml\n(.*?)```", RULES, re.DOTALL)
    path = tmp_path / "rules.yaml"
    path.write_text(block)
    return written(load_rule_set(read_rule_file(path).document))


def routed(document: dict[str, Any], **changed: Any) -> Routed:
    rules = parse_rules(1, document["rules"], document["time_zone"])
    return apply_rules(rules, ticket_row(required_skills=[], **changed), NIGHT)


def test_the_rules_of_the_page_do_what_they_are_called(example: dict[str, Any]) -> None:
    vpn = routed(example, category=None, subject="The VPN is down")
    assert (vpn.need.team, vpn.fired[1:]) == ("network", ("VPN to network",))
    assert vpn.need.skills == (("vpn", 2),)
    assert (vpn.drops, vpn.preferred) == ((("vpn", 1800),), (("windows", 1),))
    big = routed(example, category="other", subject="?", custom_fields={"seats": 500})
    assert (big.need.team, big.priority, big.tags) == ("support", "high", ("big-customer",))
    bill = routed(example, category="billing", subject="?", custom_fields={})
    assert (bill.delay, bill.need.team, bill.errors) == (7200, "billing", ())


def test_every_condition_of_the_page_is_one() -> None:
    conditions = first_column(CONDITIONS, "What conditions are made of:\n\n| | |")
    assert len(conditions) == 9
    for condition in conditions:
        compile_expression(condition, ticket_environment())


def test_every_variable_and_every_action_is_on_the_page() -> None:
    named = [name for name in first_column(CONDITIONS, "| variable | is |") if "." in name]
    assert sorted(named) == sorted(ticket_environment().variables)
    actions = first_column(ACTIONS, "| in `then` | does |")
    assert sorted(actions) == sorted(RuleActionsSchema().fields)


def test_the_complaint_and_the_bounds_of_the_page_are_the_real_ones() -> None:
    with pytest.raises(BadExpression) as caught:
        compile_expression('ticket.categry == "vpn"', ticket_environment())
    assert f"/rules/1/when: {caught.value.detail}`" in RULES
    assert f"{MAX_SOURCE:,} characters" in CONDITIONS
    assert f"{DESCRIPTION_SEEN:,} characters" in CONDITIONS
    assert f"{MAX_WAIT_S // 86_400} days" in ACTIONS


def test_the_measures_and_bounds_of_shadows_on_the_page_are_the_real_ones() -> None:
    chapter = TEXT.partition("\n## Try a profile without risk\n")[2].partition("\n## ")[0]
    named = first_column(chapter, "| | is |")
    assert named == list(MEASURES)
    assert f"kept for {SHADOWS_KEPT.days} days" in chapter
    assert f"more than {shadow.MAX_TICKETS} tickets" in chapter
    assert (shadow.SLOW_S, shadow.REST, TOP_PAIRS) == (1.0, 20.0, 10)
    assert f"newest {trial_report.MAX_TICKETS:,}\ntickets" in chapter
    assert MIN_SAMPLE == 10
