"""From stored documents to a schedule: who stands in for whom, and what is refused."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.domain.working_time import (
    WEEKDAYS,
    Absence,
    Schedule,
    Span,
    is_time_zone,
    nearest_time_zone,
    overlaps,
    schedule_of,
    span,
)

START = datetime(2026, 12, 20, tzinfo=UTC)
END = START + timedelta(days=10)
BERLIN: dict[str, Any] = {
    "time_zone": "Europe/Berlin",
    "hours": {day: [{"start": "09:00", "end": "17:00"}] for day in WEEKDAYS[:5]},
    "holidays": [{"date": "2026-12-25", "name": "Christmas Day"}],
}
NIGHTS: dict[str, Any] = {
    "time_zone": "America/New_York",
    "hours": {day: [{"start": "22:00", "end": "06:00"}] for day in WEEKDAYS},
}


def hours_worked(schedule: Schedule | None) -> float:
    assert schedule is not None
    return schedule.worked(START, END) / timedelta(hours=1)


def test_without_calendar_shifts_and_absences_there_is_no_schedule() -> None:
    assert schedule_of(None, None, (), START, END) is None


def test_a_calendar_gives_its_hours_without_its_holidays() -> None:
    assert hours_worked(schedule_of(BERLIN, None, (), START, END)) == 6 * 8


def test_shifts_replace_the_hours_and_the_holidays_hold_as_days_of_the_shifts_zone() -> None:
    schedule = schedule_of(BERLIN, NIGHTS, (), START, END)
    assert schedule is not None
    assert schedule.on(datetime(2026, 12, 25, 4, 59, tzinfo=UTC))
    assert not schedule.on(datetime(2026, 12, 25, 5, 0, tzinfo=UTC))
    assert not schedule.on(datetime(2026, 12, 26, 4, 59, tzinfo=UTC))
    assert schedule.on(datetime(2026, 12, 26, 5, 0, tzinfo=UTC))


def test_shifts_need_no_calendar() -> None:
    assert hours_worked(schedule_of(None, NIGHTS, (), START, END)) == 80


def test_absences_are_taken_away() -> None:
    away = [Absence(START, START + timedelta(days=3))]
    assert hours_worked(schedule_of(BERLIN, None, away, START, END)) == 4 * 8


def test_who_has_only_absences_works_at_any_other_time() -> None:
    away = [Absence(START + timedelta(days=1), START + timedelta(days=2))]
    schedule = schedule_of(None, None, away, START, END)
    assert hours_worked(schedule) == 9 * 24
    assert schedule is not None
    assert schedule.on(END + timedelta(days=1000))


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [("09:00", "17:30", Span(540, 1050)), ("22:00", "06:00", Span(1320, 1800)),
     ("00:00", "24:00", Span(0, 1440)), ("18:00", "24:00", Span(1080, 1440)),
     ("18:00", "00:00", Span(1080, 1440))],
)  # fmt: skip
def test_an_end_before_the_start_is_one_of_the_next_day(
    start: str, end: str, expected: Span
) -> None:
    assert span(start, end) == expected


@pytest.mark.parametrize(
    ("start", "end"),
    [("09:00", "09:00"), ("24:00", "09:00"), ("25:00", "09:00"), ("09:00", "25:00"),
     ("9:00", "17:00"), ("09:60", "17:00"), ("09:00", "24:01"), ("", ""), ("09:00\n", "10:00"),
     ("0٩:00", "10:00")],
)  # fmt: skip
def test_an_impossible_span_is_refused(start: str, end: str) -> None:
    with pytest.raises(ValueError, match=r"time of day|24:00"):
        span(start, end)


def week(**days: list[Span]) -> list[list[Span]]:
    return [days.get(day, []) for day in WEEKDAYS]


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        (week(monday=[Span(0, 60), Span(60, 90)]), []),
        (week(monday=[Span(0, 61), Span(60, 90)]), [(0, 1, 0, 0)]),
        (week(monday=[Span(60, 90), Span(0, 61)]), [(0, 0, 0, 1)]),
        (week(monday=[Span(1320, 1800)], tuesday=[Span(300, 400)]), [(1, 0, 0, 0)]),
        (week(sunday=[Span(1320, 1800)], monday=[Span(300, 400)]), [(0, 0, 6, 0)]),
        (week(sunday=[Span(1320, 1800)], monday=[Span(360, 400)]), []),
        (week(sunday=[Span(1320, 1800)]), []),
    ],
)
def test_overlaps_are_found_over_midnight_and_the_end_of_the_week(
    days: list[list[Span]], expected: list[tuple[int, int, int, int]]
) -> None:
    assert list(overlaps(days)) == expected


@pytest.mark.parametrize("name", ["Europe/Berlin", "UTC", "Australia/Lord_Howe"])
def test_a_zone_is_known_by_its_iana_name(name: str) -> None:
    assert is_time_zone(name)


@pytest.mark.parametrize(
    ("name", "nearest"),
    [("Europe/Berln", "Europe/Berlin"), ("kathmandu", "Asia/Kathmandu"),
     ("new york", "America/New_York"), ("europe/berlin", "Europe/Berlin"), ("+02:00", None),
     ("", None), ("../../etc/passwd", None), ("localtime", None)],
)  # fmt: skip
def test_a_zone_that_is_not_known_has_a_nearest_one_or_none(name: str, nearest: str | None) -> None:
    assert not is_time_zone(name)
    assert nearest_time_zone(name) == nearest
