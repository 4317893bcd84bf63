"""Working time in routing: nobody is disturbed off shift, and waiting ends when a shift begins."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from shared.domain.working_time import WEEKDAYS
from tests.fixtures.shops import Shop
from tests.invariants import assert_sound

OFFICE = {day: [{"start": "09:00", "end": "17:00"}] for day in WEEKDAYS}


def calendar(shop: Shop, **changed: Any) -> None:
    body = {"name": "berlin", "time_zone": "Europe/Berlin", "hours": OFFICE, **changed}
    shop.desk.ok("POST", "/v1/calendars", body)


def until(shop: Shop, *moment: int) -> None:
    """Let the clock run up to a moment in UTC, then let the router do what is due, nothing else."""
    left = datetime(*moment, tzinfo=UTC) - shop.clock.now()  # type: ignore[misc]
    assert left > timedelta(0)
    shop.later(seconds=left.total_seconds())


def test_a_ticket_waits_for_the_shift_and_is_assigned_the_moment_it_begins(shop: Shop) -> None:
    calendar(shop)
    until(shop, 2026, 3, 2, 20)
    agent = shop.desk.agent(5, calendar="berlin")
    ticket = shop.desk.ticket()["id"]
    shop.settle()
    assert shop.desk.assignee(ticket) is None
    [decision] = shop.desk.decisions(ticket)
    assert decision["explanation"]["rejected"][0]["reason"] == "is off shift"
    until(shop, 2026, 3, 3, 7, 59, 59)
    assert shop.desk.assignee(ticket) is None
    until(shop, 2026, 3, 3, 8)
    assert shop.desk.assignee(ticket) == agent
    assert_sound(shop.runtime.database)


def test_each_shift_begins_at_its_own_moment_and_somebody_there_is_not_kept_waiting(
    shop: Shop,
) -> None:
    calendar(shop)
    late = {
        "time_zone": "Europe/Berlin",
        "hours": {"tuesday": [{"start": "14:00", "end": "22:00"}]},
    }
    until(shop, 2026, 3, 3, 1)
    first = shop.desk.agent(1, calendar="berlin")
    second = shop.desk.agent(1, shifts=late)
    tickets = [shop.desk.ticket()["id"] for _ in range(2)]
    until(shop, 2026, 3, 3, 8)
    assert [shop.desk.assignee(t) for t in tickets] == [first, None]
    until(shop, 2026, 3, 3, 13)
    assert [shop.desk.assignee(t) for t in tickets] == [first, second]


def test_holidays_and_leave_put_it_off_to_the_next_day_at_work(shop: Shop) -> None:
    calendar(shop, holidays=[{"date": "2026-03-03"}])
    until(shop, 2026, 3, 2, 20)
    agent = shop.desk.agent(5, calendar="berlin")
    away = {"starts_at": "2026-03-04T00:00:00Z", "ends_at": "2026-03-04T12:00:00Z"}
    shop.desk.ok("POST", f"/v1/agents/{agent}/absences", away)
    ticket = shop.desk.ticket()["id"]
    for moment in ((2026, 3, 3, 12), (2026, 3, 4, 11, 59, 59)):
        until(shop, *moment)
        assert shop.desk.assignee(ticket) is None
    until(shop, 2026, 3, 4, 12)
    assert shop.desk.assignee(ticket) == agent


def test_leave_that_begins_takes_no_ticket_away_and_gives_none(shop: Shop) -> None:
    calendar(shop)
    until(shop, 2026, 3, 2, 9)
    agent = shop.desk.agent(5, calendar="berlin")
    before = shop.desk.ticket()["id"]
    shop.settle()
    away = {"starts_at": "2026-03-02T10:00:00Z", "ends_at": "2026-03-02T12:00:00Z"}
    shop.desk.ok("POST", f"/v1/agents/{agent}/absences", away)
    until(shop, 2026, 3, 2, 10)
    during = shop.desk.ticket()["id"]
    shop.settle()
    assert (shop.desk.assignee(before), shop.desk.assignee(during)) == (agent, None)
    until(shop, 2026, 3, 2, 12)
    assert shop.desk.assignee(during) == agent


def test_a_leave_longer_than_the_router_looks_ahead_ends_all_the_same(shop: Shop) -> None:
    calendar(shop)
    until(shop, 2026, 3, 2, 20)
    agent = shop.desk.agent(5, calendar="berlin")
    away = {"starts_at": "2026-03-03T00:00:00Z", "ends_at": "2026-05-04T00:00:00Z"}
    shop.desk.ok("POST", f"/v1/agents/{agent}/absences", away)
    ticket = shop.desk.ticket()["id"]
    shop.settle()
    for _ in range(8):
        shop.later(days=7)
    assert shop.desk.assignee(ticket) is None
    until(shop, 2026, 5, 4, 6, 59, 59)
    assert shop.desk.assignee(ticket) is None
    until(shop, 2026, 5, 4, 7)
    assert shop.desk.assignee(ticket) == agent


@pytest.mark.parametrize(
    ("day", "hour"),
    [
        (date(2026, 3, 28), 8),
        (date(2026, 3, 29), 7),
        (date(2026, 10, 24), 7),
        (date(2026, 10, 25), 8),
    ],
    ids=["before summer time", "as it begins", "before it ends", "as it ends"],
)
def test_nine_in_the_morning_is_nine_on_the_day_the_clocks_change(
    shop: Shop, day: date, hour: int
) -> None:
    calendar(shop)
    until(shop, day.year, day.month, day.day)
    agent = shop.desk.agent(5, calendar="berlin")
    ticket = shop.desk.ticket()["id"]
    shop.settle()
    until(shop, day.year, day.month, day.day, hour - 1, 59, 59)
    assert shop.desk.assignee(ticket) is None
    until(shop, day.year, day.month, day.day, hour)
    assert shop.desk.assignee(ticket) == agent


def test_who_goes_home_soon_gets_nothing_where_the_profile_says_so(shop: Shop) -> None:
    calendar(shop)
    options = {"shift": {"min_left_s": 3600}}
    shop.desk.ok("PUT", "/v1/routing/profiles/long", {"options": options})
    shop.desk.team("long", profile="long")
    shop.desk.team("short")
    until(shop, 2026, 3, 2, 15)
    agent = shop.desk.agent(5, teams=["long", "short"], calendar="berlin")
    in_time = shop.desk.ticket(team="long")["id"]
    shop.settle()
    assert shop.desk.assignee(in_time) == agent
    until(shop, 2026, 3, 2, 15, 0, 1)
    too_late, short = (shop.desk.ticket(team=team)["id"] for team in ("long", "short"))
    shop.settle()
    assert (shop.desk.assignee(too_late), shop.desk.assignee(short)) == (None, agent)
    [decision] = shop.desk.decisions(too_late)
    assert decision["explanation"]["rejected"][0]["reason"] == "goes home within 3600 s"
    until(shop, 2026, 3, 3, 8)
    assert shop.desk.assignee(too_late) == agent
