"""What is told of clocks, event by event."""

from datetime import UTC, datetime, timedelta

import pytest

from shared.domain.sla import (
    DEFAULT_DOCUMENT,
    Fact,
    Metric,
    Move,
    Said,
    default_policy,
    event_document,
    policy_of,
    recompute,
    said_in,
)
from shared.domain.ticket import RESOLUTION_TARGETS, Priority
from shared.domain.working_time import OutsideHorizon
from shared.domain.working_time.endless import AROUND_THE_CLOCK, EndlessSchedule
from tests.unit.domain.sla.cases import CALENDARS

MONDAY = datetime(2026, 3, 2, 9, tzinfo=UTC)
DEFAULT = default_policy()


def at(hours: float, status: str = "open", said: Said | None = None) -> Fact:
    """A fact so many hours after a critical ticket came in: 15 minutes to a word, 1 h in all."""
    return Fact(MONDAY + timedelta(hours=hours), status, Priority.CRITICAL, DEFAULT, said)


def told(*facts: Fact) -> list[tuple[str, str, float]]:
    """Metric, move and hours after the ticket, of each event."""
    return [
        (event.metric.value, event.move.value, (event.at - MONDAY) / timedelta(hours=1))
        for event in recompute(facts)[1]
    ]


def test_two_clocks_start_with_a_ticket() -> None:
    assert told(at(0, "new")) == [("first_response", "start", 0), ("resolution", "start", 0)]


def test_warnings_and_breaches_come_in_the_order_of_their_moments() -> None:
    assert told(at(0), at(2))[2:] == [
        ("first_response", "warn", 0.1875),
        ("first_response", "breach", 0.25),
        ("resolution", "warn", 0.75),
        ("resolution", "breach", 1),
    ]


def test_a_reply_fulfils_the_first_response_once() -> None:
    assert told(at(0), at(0.1, said=Said.REPLY), at(0.2, said=Said.REPLY))[2:] == [
        ("first_response", "fulfil", 0.1)
    ]


def test_resolving_fulfils_what_is_open() -> None:
    facts = at(0), at(0.1, said=Said.REPLY), at(0.2, said=Said.ANSWER), at(0.3, "resolved")
    assert told(*facts)[3:] == [
        ("next_response", "start", 0.2),
        ("next_response", "fulfil", 0.3),
        ("resolution", "fulfil", 0.3),
    ]


def test_closing_what_is_resolved_changes_nothing() -> None:
    assert told(at(0), at(0.1, "resolved"), at(5, "closed"))[4:] == []


def test_a_pause_and_what_follows() -> None:
    facts = at(0), at(0.1, said=Said.REPLY), at(0.5, "on_hold"), at(9, "open"), at(9.5, "resolved")
    assert told(*facts)[3:] == [
        ("resolution", "pause", 0.5),
        ("resolution", "resume", 9),
        ("resolution", "warn", 9.25),
        ("resolution", "breach", 9.5),
        ("resolution", "fulfil", 9.5),
    ]


def test_reopening_resumes_the_resolution_and_not_the_first_response() -> None:
    assert told(at(0), at(0.1, "resolved"), at(3, "new"))[4:] == [("resolution", "resume", 3)]


def test_reopening_as_on_hold_resumes_and_pauses() -> None:
    facts = at(0), at(0.1, "resolved"), at(3, "on_hold")
    assert told(*facts)[4:] == [("resolution", "resume", 3), ("resolution", "pause", 3)]


def test_cancelling_ends_all_clocks_without_a_result() -> None:
    assert told(at(0), at(0.1, "cancelled"))[2:] == [
        ("first_response", "cancel", 0.1),
        ("resolution", "cancel", 0.1),
    ]


def test_another_policy_sets_all_live_clocks_even_to_the_same_target() -> None:
    second = policy_of("default", 2, DEFAULT_DOCUMENT, None)
    later = Fact(MONDAY + timedelta(hours=0.1), "open", Priority.CRITICAL, second)
    clocks, events = recompute([at(0), later])
    assert [(e.metric, e.move, e.version) for e in events[2:]] == [
        (Metric.FIRST_RESPONSE, Move.SET, 2),
        (Metric.RESOLUTION, Move.SET, 2),
    ]
    assert clocks.version == 2


def test_a_resolved_ticket_keeps_the_policy_it_was_resolved_under() -> None:
    second = policy_of("default", 2, DEFAULT_DOCUMENT, None)
    late = Fact(MONDAY + timedelta(hours=5), "closed", Priority.LOW, second)
    clocks, events = recompute([at(0), at(0.1, "resolved"), late])
    assert (clocks.version, len(events)) == (1, 4)
    back = Fact(MONDAY + timedelta(hours=6), "new", Priority.LOW, second)
    clocks, events = recompute([at(0), at(0.1, "resolved"), late, back])
    assert [event.move for event in events[4:]] == [Move.SET, Move.RESUME]
    assert clocks.version == 2


def test_a_metric_without_a_target_is_measured_and_never_due() -> None:
    none = policy_of("none", 1, {"targets": {"critical": {"resolution": "1h"}}}, None)
    fact = Fact(MONDAY, "new", Priority.CRITICAL, none)
    reply = Fact(MONDAY + timedelta(days=1), "open", Priority.CRITICAL, none, Said.REPLY)
    clocks, _ = recompute([fact, reply])
    clock = clocks.by_metric[Metric.FIRST_RESPONSE]
    assert (clock.due_at, clock.breached_at, clock.worked) == (None, None, timedelta(days=1))


def test_an_event_says_what_holds_from_now_on_or_what_was_used() -> None:
    _, [start, _, fulfil] = recompute([at(0), at(0.1, said=Said.REPLY)])
    assert event_document(start) == {
        "metric": "first_response",
        "type": "start",
        "at": "2026-03-02T09:00:00.000000Z",
        "due_at": "2026-03-02T09:15:00.000000Z",
        "target_s": 900,
        "policy": "default",
        "policy_version": 1,
    }
    assert event_document(fulfil) == {
        "metric": "first_response",
        "type": "fulfil",
        "at": "2026-03-02T09:06:00.000000Z",
        "due_at": "2026-03-02T09:15:00.000000Z",
        "worked_s": 360,
    }


@pytest.mark.parametrize(
    ("kind", "visibility", "said"),
    [
        ("agent", "public", Said.REPLY),
        ("requester", "public", Said.ANSWER),
        ("api", "public", None),
        ("agent", "internal", None),
        ("requester", "internal", None),
    ],
)
def test_only_public_words_of_people_count(kind: str, visibility: str, said: Said | None) -> None:
    data = {"comment": {"author": {"kind": kind}, "visibility": visibility}}
    assert said_in("ticket.commented", data) is said
    assert said_in("ticket.updated", data) is None


def test_the_default_promises_a_resolution_as_the_priority_scale_says() -> None:
    for priority, target in RESOLUTION_TARGETS.items():
        assert DEFAULT.target(priority, Metric.RESOLUTION) == target
        assert DEFAULT.hours is AROUND_THE_CLOCK


def test_a_schedule_without_horizon_counts_over_many_years() -> None:
    hours = EndlessSchedule(CALENDARS["an hour a week"])
    assert hours.worked(MONDAY.replace(year=2020), MONDAY.replace(year=2026)) == timedelta(
        hours=313
    )
    assert hours.add(MONDAY, timedelta(hours=521)).year == 2036
    assert hours.worked(MONDAY, MONDAY - timedelta(days=800)) == timedelta(0)


def test_what_takes_longer_than_twenty_years_is_never_due() -> None:
    with pytest.raises(OutsideHorizon, match="20 years"):
        EndlessSchedule(CALENDARS["an hour a week"]).add(MONDAY, timedelta(hours=2000))
