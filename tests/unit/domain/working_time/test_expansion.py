"""Expansion says the same as a clock on the wall that is looked at once a minute."""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.working_time import Absence, Holiday, Span, WeeklyHours, expand, overlaps
from shared.domain.working_time.zones import first_moment

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
ZONES = (
    "America/New_York", "Europe/Berlin", "Asia/Kathmandu", "Australia/Lord_Howe",
    "America/Havana", "Africa/Cairo", "America/St_Johns", "Pacific/Apia",
)  # fmt: skip
#: Years in which these zones have changes, some at midnight; Kathmandu's only one, and Samoa's
#: missing day, besides.
SPANS_OF_YEARS = ((1985, 1987), (2006, 2007), (2011, 2012), (2024, 2027))


@cache
def changes(name: str) -> list[datetime]:
    """Days on which clocks of a zone were set."""
    zone = ZoneInfo(name)
    found = []
    for first, last in SPANS_OF_YEARS:
        day, end = datetime(first, 1, 1, tzinfo=UTC), datetime(last, 1, 1, tzinfo=UTC)
        while day < end:
            if day.astimezone(zone).utcoffset() != (day + DAY).astimezone(zone).utcoffset():
                found.append(day)
            day += DAY
    return found


@st.composite
def weeks(draw: st.DrawFn, zone: str) -> WeeklyHours:
    """Hours without overlaps, with edges that lie where clocks are set more often than not."""
    edge = st.one_of(
        st.integers(0, 1439), st.sampled_from([0, 1, 30, 60, 90, 105, 119, 120, 150, 180, 1410])
    )
    days: list[list[Span]] = []
    for _ in range(7):
        spans = []
        for _ in range(draw(st.integers(0, 3))):
            start = draw(edge)
            spans.append(Span(start, start + draw(st.sampled_from([1, 15, 30, 60, 90, 480, 1440]))))
        days.append(spans)
    for day, index, _, _ in sorted(set(overlaps(days)), reverse=True):
        if index < len(days[day]):
            del days[day][index]
    return WeeklyHours(zone, tuple(tuple(spans) for spans in days))


def by_looking(
    hours: WeeklyHours,
    holidays: Sequence[Holiday],
    absences: Sequence[Absence],
    start: datetime,
    end: datetime,
) -> Iterator[datetime]:
    """Each working minute. What counts is the latest time that the clock has shown so far."""
    zone = ZoneInfo(hours.time_zone)
    minute, shown = start - 4 * DAY, datetime.fromisoformat("0001-01-01")
    while minute < end:
        shown = max(shown, minute.astimezone(zone).replace(tzinfo=None))
        of_day = shown.hour * 60 + shown.minute
        today, yesterday = hours.days[shown.weekday()], hours.days[shown.weekday() - 1]
        if (
            minute >= start
            and (
                any(span.start <= of_day < span.end for span in today)
                or any(span.start <= of_day + 1440 < span.end for span in yesterday)
            )
            and all(each.day != shown.date() for each in holidays)
            and not any(each.start <= minute < each.end for each in absences)
        ):
            yield minute
        minute += MINUTE


@given(st.data())
def test_expansion_is_what_a_clock_on_the_wall_shows_each_minute(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(ZONES))
    hours = data.draw(weeks(name))
    near = data.draw(st.sampled_from(changes(name)))
    start = near - data.draw(st.integers(0, 4320)) * MINUTE
    end = start + data.draw(st.integers(1, 7200)) * MINUTE
    local = start.astimezone(ZoneInfo(name)).date()
    days = data.draw(st.lists(st.integers(-1, 6), max_size=2))
    holidays = [Holiday(local + day * DAY) for day in days]
    absences = [
        Absence(start + first * MINUTE, start + (first + length) * MINUTE)
        for first, length in data.draw(
            st.lists(st.tuples(st.integers(-500, 7200), st.integers(1, 2000)), max_size=3)
        )
    ]

    found = expand(hours, holidays, absences, start, end)

    assert all(one[1] < two[0] for one, two in pairwise(found))
    minutes = [
        first + number * MINUTE
        for first, last in found
        for number in range(int((last - first) / MINUTE))
    ]
    assert minutes == list(by_looking(hours, holidays, absences, start, end))


@given(st.sampled_from(ZONES), st.data())
def test_a_local_time_is_the_first_moment_at_which_the_clock_shows_it_or_later(
    name: str, data: st.DataObject
) -> None:
    zone = ZoneInfo(name)
    near = data.draw(st.sampled_from(changes(name))).astimezone(zone).replace(tzinfo=None)
    local = near + data.draw(st.integers(-3000, 3000)) * MINUTE
    found = first_moment(local, zone)
    assert found.astimezone(zone).replace(tzinfo=None) >= local
    earlier = (found - timedelta(seconds=1)).astimezone(zone).replace(tzinfo=None)
    assert earlier < local


BERLIN_NIGHT = WeeklyHours("Europe/Berlin", ((Span(60, 300),),) * 7)


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        pytest.param(date(2026, 3, 28), 4, id="an ordinary night"),
        pytest.param(date(2026, 3, 29), 3, id="clocks are set forward"),
        pytest.param(date(2026, 10, 25), 5, id="clocks are set back"),
    ],
)
def test_a_night_shift_has_the_hours_of_its_night(day: date, expected: int) -> None:
    start = datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(hours=2)
    [(begin, end)] = expand(BERLIN_NIGHT, (), (), start, start + timedelta(hours=12))
    assert end - begin == timedelta(hours=expected)


def test_office_hours_keep_their_local_time_when_clocks_are_set() -> None:
    hours = WeeklyHours("America/New_York", ((Span(540, 1020),),) * 7)
    start = datetime(2026, 10, 31, tzinfo=UTC)
    found = expand(hours, (), (), start, start + 3 * DAY)
    assert [begin.hour for begin, _ in found] == [13, 14, 14]
    assert {end - begin for begin, end in found} == {timedelta(hours=8)}


def test_of_a_night_shift_into_a_holiday_only_the_part_before_midnight_is_left() -> None:
    hours = WeeklyHours("Asia/Kathmandu", ((Span(1320, 1800),),) * 7)
    holiday = Holiday(date(2026, 12, 25), "Christmas Day")
    start = datetime(2026, 12, 24, 12, tzinfo=UTC)
    [evening] = expand(hours, [holiday], (), start, start + DAY)
    assert evening == (
        datetime(2026, 12, 24, 16, 15, tzinfo=UTC),
        datetime(2026, 12, 24, 18, 15, tzinfo=UTC),
    )


def test_a_span_inside_the_hour_that_is_skipped_has_no_time() -> None:
    hours = WeeklyHours("Europe/Berlin", ((Span(130, 170),),) * 7)
    start = datetime(2026, 3, 29, tzinfo=UTC)
    assert expand(hours, (), (), start, start + timedelta(hours=20)) == ()
