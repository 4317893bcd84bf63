"""From rows to columns and events: the short ways give what the long ways give."""

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from shared.domain.sla import (
    STILL,
    Fact,
    Metric,
    SlaBook,
    begin,
    clocks_document,
    event_document,
    expected,
    moved,
    started,
)
from shared.domain.ticket import Priority
from tests.unit.domain.sla.cases import CALENDARS, policy

NOW = datetime(2026, 3, 27, 15, 30, 0, 123456, tzinfo=UTC)
names = st.sampled_from(sorted(CALENDARS))
priorities = st.sampled_from(Priority)


def book(*used: str) -> SlaBook:
    """A book with these policies; the first is the default."""
    return SlaBook(policies={name: policy(name) for name in used} | {"default": policy(used[0])})


def row(**changed: Any) -> dict[str, Any]:
    """A new ticket before its clocks start."""
    return {
        "status": "new",
        "priority": Priority.MEDIUM,
        "sla_policy": None,
        "team": None,
        "created_at": NOW,
        "expected_resolution_at": NOW,
        "sla": None,
        "sla_due_at": None,
        **changed,
    }


def running(levels: SlaBook, **changed: Any) -> dict[str, Any]:
    """A ticket whose clocks have started."""
    ticket = row(**changed)
    return ticket | started(levels, ticket, ticket["created_at"]).values


@given(names, priorities, st.integers(0, 10**12))
def test_clocks_written_straight_away_are_those_of_the_engine(
    name: str, priority: Priority, passed: int
) -> None:
    levels, at = book(name), NOW + timedelta(microseconds=passed)
    quick = started(levels, row(priority=priority), at)
    clocks, events = begin(Fact(at, "new", priority, levels.policies["default"]))
    assert quick.values["sla"] == clocks_document(clocks)
    assert quick.values["sla_due_at"] == clocks.next_at
    due = clocks.by_metric[Metric.RESOLUTION].due_at
    assert due is None or quick.values["expected_resolution_at"] == due
    assert quick.events == [event_document(event) for event in events]


@given(
    names, names, priorities, priorities, st.integers(0, 10**12), st.sampled_from(["new", "open"])
)
def test_what_is_expected_beforehand_is_what_then_is_stored(
    first: str, second: str, was: Priority, becomes: Priority, passed: int, status: str
) -> None:
    levels, now = book(first, second), NOW + timedelta(microseconds=passed)
    ticket = running(levels, priority=was)
    changes = {"priority": becomes, "sla_policy": second, "status": status}
    stored = moved(levels, ticket, ticket | changes, now, "", {}).values
    assert expected(levels, ticket, changes, now) == stored.get(
        "expected_resolution_at", ticket["expected_resolution_at"]
    )


def test_a_change_that_moves_no_clock_writes_nothing() -> None:
    levels = book("berlin")
    ticket = running(levels)
    later = NOW + timedelta(minutes=1)
    assert moved(levels, ticket, ticket | {"status": "open"}, later, "", {}) is STILL
    assert moved(levels, ticket, ticket | {"team": "network"}, later, "", {}) is STILL


def test_a_paused_ticket_is_expected_when_it_would_be_if_it_went_on_now() -> None:
    levels, later = book("24x7"), NOW + timedelta(hours=1)
    ticket = running(levels, priority=Priority.HIGH)
    values = moved(levels, ticket, ticket | {"status": "on_hold"}, later, "", {}).values
    assert values["expected_resolution_at"] == NOW + timedelta(hours=4)
    # The first response is owed all the same: its breach at one hour was the moment of the pause.
    assert values["sla_due_at"] is None


def test_without_hours_calendar_time_is_the_best_guess() -> None:
    levels = book("no hours")
    ticket = running(levels, priority=Priority.HIGH)
    assert ticket["expected_resolution_at"] == NOW + timedelta(hours=4)
    assert ticket["sla_due_at"] is None


def test_a_ticket_goes_by_its_rules_else_its_team_else_the_default() -> None:
    levels = SlaBook(
        policies={name: policy(name) for name in ("24x7", "berlin")}
        | {"default": policy("nights")},
        teams={"network": "berlin", "gone": "deleted"},
    )
    found = [
        levels.policy_of(row(sla_policy=rule, team=team)).name
        for rule, team in (
            ("24x7", "network"),
            (None, "network"),
            ("deleted", "network"),
            (None, "gone"),
            (None, None),
        )
    ]
    assert found == ["24x7", "berlin", "berlin", "nights", "nights"]


def test_clocks_of_a_ticket_older_than_they_start_when_it_came_in() -> None:
    levels = book("24x7")
    old = row(priority=Priority.HIGH, created_at=NOW - timedelta(hours=2))
    found = moved(levels, old, old | {"priority": Priority.MEDIUM}, NOW, "", {})
    assert [(event["metric"], event["type"]) for event in found.events] == [
        ("first_response", "start"),
        ("resolution", "start"),
        ("first_response", "warn"),
        ("first_response", "breach"),
        ("resolution", "set"),
    ]
    assert found.values["expected_resolution_at"] == NOW + timedelta(hours=14)
    assert moved(levels, old, old | {"status": "closed"}, NOW, "", {}) is STILL
