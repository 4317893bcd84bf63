"""Quiet hours and digests, on the clock of whoever wants them."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.delivery import MailKind
from shared.domain.mail_preferences import Digest, Preferences, preferences_of

BERLIN = ZoneInfo("Europe/Berlin")
NIGHT = Preferences(quiet=(time(22), time(7)))


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "until"),
    [
        ("2026-01-02T20:59", None),
        ("2026-01-02T21:00", "2026-01-03T06:00"),
        ("2026-01-03T05:59", "2026-01-03T06:00"),
        ("2026-01-03T06:00", None),
        # The night in which clocks go forward: seven o'clock comes an hour sooner.
        ("2026-03-28T22:00", "2026-03-29T05:00"),
    ],
)
def test_quiet_hours_go_over_midnight_and_follow_the_local_clock(
    now: str, until: str | None
) -> None:
    assert NIGHT.quiet_until(utc(now), BERLIN) == (utc(until) if until else None)


def test_quiet_hours_that_end_when_they_begin_are_the_whole_day() -> None:
    always = Preferences(quiet=(time(9), time(9)))
    assert always.quiet_until(utc("2026-01-02T08:00"), BERLIN) == utc("2026-01-03T08:00")


def test_a_daily_digest_comes_at_its_hour_and_an_hourly_one_at_the_full() -> None:
    daily = Preferences(digest=Digest.DAILY, digest_at=time(8))
    assert daily.next_digest(utc("2026-01-02T06:59"), BERLIN) == utc("2026-01-02T07:00")
    assert daily.next_digest(utc("2026-01-02T07:00"), BERLIN) == utc("2026-01-03T07:00")
    hourly = Preferences(digest=Digest.HOURLY)
    assert hourly.next_digest(utc("2026-01-02T06:59"), BERLIN) == utc("2026-01-02T07:00")
    assert Preferences().next_digest(utc("2026-01-02T06:59"), BERLIN) is None


def test_a_document_says_it_all_and_an_empty_one_nothing() -> None:
    document = {
        "off": ["ticket_closed"],
        "quiet_hours": {"from": "22:00", "until": "07:00"},
        "digest": "daily",
        "digest_at": "09:30",
        "time_zone": "Europe/Berlin",
    }
    expected = Preferences(
        frozenset({"ticket_closed"}),
        (time(22), time(7)),
        Digest.DAILY,
        time(9, 30),
        "Europe/Berlin",
    )
    assert preferences_of(document) == expected
    assert preferences_of({}) == preferences_of(None) == Preferences()


@given(
    st.datetimes(datetime(2025, 1, 1), datetime(2027, 1, 1)),  # noqa: DTZ001 -- made aware below
    st.times(),
    st.times(),
)
def test_quiet_hours_end_within_a_day_and_never_in_the_past(
    now: datetime, begin: time, end: time
) -> None:
    moment = now.replace(tzinfo=UTC)
    until = Preferences(quiet=(begin, end)).quiet_until(moment, BERLIN)
    if until is not None:
        assert moment < until <= moment + timedelta(hours=25)


def test_who_does_not_want_digests_gets_each_mail_for_itself() -> None:
    document = {"off": ["digest", "ticket_reassigned"], "digest": "daily"}
    wanted = preferences_of(document)
    assert wanted.digest is Digest.NONE
    assert MailKind.TICKET_REASSIGNED in wanted.off
    assert MailKind.TICKET_ASSIGNED not in wanted.off
