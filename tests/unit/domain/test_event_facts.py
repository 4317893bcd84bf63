"""Filters of subscribers look at events as they are sent."""

import json
from pathlib import Path
from typing import Any

import pytest

from shared.domain.errors import BadExpression
from shared.domain.event_facts import event_facts, event_filter, passes

GOLDEN = Path(__file__).parents[2] / "contract" / "golden"


def event(name: str) -> dict[str, Any]:
    return dict(json.loads((GOLDEN / f"{name}.v1.json").read_text()))


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ('event.type == "ticket.assigned"', True),
        ('event.type.startsWith("ticket.sla_")', False),
        ("event.sequence > 0 && event.version == 1", True),
        ('event.timestamp > timestamp("2020-01-01T00:00:00Z")', True),
        ("event.data.ticket.number > 0", True),
        ("has(event.data.assignment)", True),
        ("has(event.data.comment)", False),
        ("event.data.comment.internal == true", False),
        ('event.data.ticket.priority in ["critical", "urgent"]', False),
        ('event.correlation_id != ""', True),
    ],
)
def test_a_filter_holds_or_does_not(condition: str, holds: bool) -> None:  # noqa: FBT001
    assert passes(condition, event_facts(event("ticket.assigned"))) is holds


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*.json")), ids=lambda path: path.stem)
def test_every_event_can_be_looked_at(path: Path) -> None:
    document = json.loads(path.read_text())
    facts = event_facts(document)
    assert passes(f"event.data.ticket.number == {document['data']['ticket']['number']}", facts)


@pytest.mark.parametrize(
    ("condition", "place", "reason"),
    [
        ("event.tpye == 'x'", (1, 6), "there is no"),
        ("event.sequence +", (1, 17), "ends too early"),
        ("event.sequence", (1, 1), "true or false"),
        ('event.data.ticket.subject.matches("(")', (1, 34), "missing"),
        ("", (1, 1), ""),
    ],
)
def test_what_is_no_filter_is_refused_with_its_place(
    condition: str, place: tuple[int, int], reason: str
) -> None:
    with pytest.raises(BadExpression) as refusal:
        event_filter(condition)
    assert (refusal.value.line, refusal.value.column) == place
    assert reason in refusal.value.reason
