"""docs/sla.md: its command works, its example is one, its figures are those of the code."""

import json
import re
from pathlib import Path

from shared.domain.sla import DEFAULT_DOCUMENT, DEFAULT_WARN_SHARE, Metric, Move
from shared.domain.working_time.endless import MAX_YEARS
from shared.schemas.sla import MAX_TARGET_S, MetricEventSchema
from tests.desk import Desk
from tests.unit.domain.sla.cases import CALENDARS

PAGE = (Path(__file__).parents[2] / "docs" / "sla.md").read_text()


def example(start: str, end: str) -> str:
    found = re.search(f"{re.escape(start)}(.*?){re.escape(end)}", PAGE, re.DOTALL)
    assert found is not None
    return found[1]


def test_the_policy_that_is_shown_can_be_put(desk: Desk) -> None:
    desk.ok("POST", "/v1/calendars", {"name": "berlin", **CALENDARS["berlin"]})
    policy = json.loads(example("-d '", "'\n```"))
    stored = desk.ok("PUT", "/v1/sla-policies/gold", policy)
    assert {name: stored[name] for name in policy if name != "pauses"} == {
        name: policy[name] for name in policy if name != "pauses"
    }
    assert stored["pauses"] == DEFAULT_DOCUMENT["pauses"]


def test_the_metric_event_that_is_shown_is_one() -> None:
    event = json.loads(example("```json\n", "```"))
    assert MetricEventSchema().validate(event) == {}


def test_the_tables_and_figures_are_complete() -> None:
    for metric in Metric:
        assert f"| `{metric.value}` |" in PAGE
    told = set(re.findall(r"`(\w+)`", "".join(re.findall(r"^\| (`[^|]+`) \|", PAGE, re.MULTILINE))))
    assert {move.value for move in Move} <= told
    assert f"{DEFAULT_WARN_SHARE} unless told otherwise" in PAGE
    assert f"1 minute to {MAX_TARGET_S // 86_400} days" in PAGE
    assert f"more than {MAX_YEARS} years" in PAGE
