"""Questions to a schedule: on now, how long still, when next, and arithmetic in working time."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.working_time import ALWAYS, Absence, Interval, OutsideHorizon, Schedule

MONDAY = datetime(2026, 11, 23, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HORIZON = 5000


def at(minutes: float) -> datetime:
    return MONDAY + minutes * MINUTE


def of(*minutes: tuple[int, int]) -> Schedule:
    return Schedule(tuple((at(a), at(b)) for a, b in minutes), at(0), at(HORIZON))


@st.composite
def schedules(draw: st.DrawFn) -> Schedule:
    edges = sorted(draw(st.sets(st.integers(0, HORIZON), max_size=12)))
    return of(*zip(edges[::2], edges[1::2], strict=False))


moments = st.integers(0, HORIZON).map(at)


def inside(intervals: Sequence[Interval], moment: datetime) -> bool:
    return any(start <= moment < end for start, end in intervals)


@given(schedules(), st.integers(-10, HORIZON + 10).map(at))
def test_on_is_being_inside_an_interval(schedule: Schedule, now: datetime) -> None:
    assert schedule.on(now) is inside(schedule.intervals, now)
    left = schedule.left(now)
    assert (left is not None) is schedule.on(now)
    if left is not None:
        assert schedule.on(now + left - MINUTE / 2)
        assert not schedule.on(now + left)


@given(schedules(), moments)
def test_the_next_change_and_the_next_start_are_the_first_that_come(
    schedule: Schedule, now: datetime
) -> None:
    starts = [start for start, _ in schedule.intervals if start > now]
    changes = [edge for each in schedule.intervals for edge in each if edge > now]
    assert schedule.next_start(now) == min(starts, default=None)
    assert schedule.next_change(now) == min(changes, default=None)


@given(schedules(), moments, moments)
def test_worked_is_the_number_of_working_minutes(
    schedule: Schedule, start: datetime, end: datetime
) -> None:
    minutes = range(max(0, int((end - start) / MINUTE)))
    count = sum(inside(schedule.intervals, start + minute * MINUTE) for minute in minutes)
    assert schedule.worked(start, end) == count * MINUTE


@given(schedules(), moments, st.integers(0, HORIZON))
def test_add_is_the_inverse_of_worked(schedule: Schedule, start: datetime, minutes: int) -> None:
    working = minutes * MINUTE
    if working > schedule.worked(start, schedule.until):
        with pytest.raises(OutsideHorizon):
            schedule.add(start, working)
        return
    end = schedule.add(start, working)
    assert schedule.worked(start, end) == working
    assert end == start or schedule.worked(start, end - MINUTE) == working - MINUTE


@given(schedules(), moments, moments)
def test_adding_what_was_worked_never_goes_beyond(
    schedule: Schedule, start: datetime, end: datetime
) -> None:
    worked = schedule.worked(start, end)
    assert schedule.add(start, worked) <= max(start, end)


@given(schedules(), st.lists(st.tuples(moments, moments), max_size=4), moments)
def test_without_absences_it_is_on_where_none_of_them_is(
    schedule: Schedule, absences: list[Interval], now: datetime
) -> None:
    there = schedule.without([Absence(*sorted(each)) for each in absences])
    away = any(start <= now < end for start, end in map(sorted, absences))
    assert there.on(now) is (schedule.on(now) and not away)
    assert (there.since, there.until) == (schedule.since, schedule.until)


def test_back_to_back_intervals_count_as_one() -> None:
    schedule = of((0, 60), (60, 120), (200, 260))
    assert schedule.left(at(30)) == 90 * MINUTE
    assert schedule.next_change(at(30)) == at(120)
    assert schedule.next_start(at(30)) == at(200)


def test_the_start_belongs_to_an_interval_and_the_end_does_not() -> None:
    schedule = of((10, 20))
    assert [schedule.on(at(minute)) for minute in (9, 10, 19, 20)] == [False, True, True, False]


def test_business_hours_added_over_a_night_end_on_the_next_day() -> None:
    schedule = of((540, 1020), (1980, 2460))
    assert schedule.add(at(960), timedelta(hours=4)) == at(2160)
    assert schedule.add(at(960), timedelta(hours=1)) == at(1020)
    assert schedule.add(at(100), timedelta(hours=1)) == at(600)


def test_less_than_no_time_cannot_be_added() -> None:
    with pytest.raises(ValueError, match="less than 0"):
        of((0, 60)).add(at(0), -MINUTE)


def test_outside_of_the_horizon_there_is_no_arithmetic() -> None:
    schedule = of((0, 60))
    assert not schedule.on(at(-1))
    assert schedule.next_start(at(HORIZON + 1)) is None
    with pytest.raises(OutsideHorizon):
        schedule.worked(at(-1), at(60))
    with pytest.raises(OutsideHorizon):
        schedule.add(at(HORIZON + 1), MINUTE)


def test_without_a_calendar_every_moment_is_working_time() -> None:
    assert ALWAYS.on(MONDAY)
    assert ALWAYS.left(MONDAY) > timedelta(days=36_500)
    assert ALWAYS.next_change(MONDAY) is None
    assert ALWAYS.next_start(MONDAY) is None
    assert ALWAYS.worked(MONDAY, at(90)) == 90 * MINUTE
    assert ALWAYS.add(MONDAY, 90 * MINUTE) == at(90)
