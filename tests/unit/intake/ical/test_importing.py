"""iCalendar files become absences and holidays: times, zones, repetitions, exceptions."""

from datetime import UTC, date, datetime, timedelta
from time import process_time
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intake.ical.importing import read_absences, read_holidays
from shared.domain.errors import InvalidInput
from shared.domain.working_time import Holiday

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")


def event(*lines: str) -> str:
    return "\r\n".join(["BEGIN:VEVENT", *lines, "END:VEVENT"])


def calendar(*events: str) -> str:
    return "\r\n".join(["BEGIN:VCALENDAR", "VERSION:2.0", *events, "END:VCALENDAR", ""])


def absences(*events: str, zone: ZoneInfo = BERLIN) -> list[str]:
    """Starts and ends as short text, in UTC."""
    found = read_absences(calendar(*events), zone, NOW)
    return [f"{e.absence.start:%Y%m%dT%H%M}/{e.absence.end:%Y%m%dT%H%M}" for e in found]


def faults(text: str, *, holidays: bool = False) -> list[tuple[str, str]]:
    with pytest.raises(InvalidInput) as caught:
        _ = read_holidays(text, NOW) if holidays else read_absences(text, BERLIN, NOW)
    return [(error.pointer, error.detail) for error in caught.value.errors]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["DTSTART:20261201T080000Z", "DTEND:20261201T120000Z"], "20261201T0800/20261201T1200"),
        (["DTSTART:20261201T080000", "DTEND:20261201T120000"], "20261201T0700/20261201T1100"),
        (
            ["DTSTART;TZID=Asia/Kathmandu:20261201T080000", "DURATION:PT4H"],
            "20261201T0215/20261201T0615",
        ),
        (
            ["DTSTART;TZID=W. Europe Standard Time:20261201T080000", "DURATION:PT4H"],
            "20261201T0700/20261201T1100",
        ),
        (
            ["DTSTART;TZID=/example.org/1/America/New_York:20261201T080000", "DURATION:PT4H"],
            "20261201T1300/20261201T1700",
        ),
        (
            ["DTSTART;TZID=Europe/Berlin:20261201T080000",
             "DTEND;TZID=America/New_York:20261201T080000"],
            "20261201T0700/20261201T1300",
        ),
        (["DTSTART;VALUE=DATE:20261201"], "20261130T2300/20261201T2300"),
        (["DTSTART;VALUE=DATE:20261201", "DTEND;VALUE=DATE:20261204"],
         "20261130T2300/20261203T2300"),
        (["DTSTART:20261201", "DURATION:P1W"], "20261130T2300/20261207T2300"),
        # A day lasts 25 hours when clocks are set back.
        (["DTSTART;VALUE=DATE:20271031"], "20271030T2200/20271031T2300"),
    ],
)  # fmt: skip
def test_days_and_times_become_moments(lines: list[str], expected: str) -> None:
    assert absences(event(*lines)) == [expected]


def test_a_weekly_absence_keeps_its_local_time_when_clocks_are_set() -> None:
    assert absences(
        event(
            "DTSTART;TZID=Europe/Berlin:20270322T090000",
            "DTEND;TZID=Europe/Berlin:20270322T100000",
            "RRULE:FREQ=WEEKLY;BYDAY=MO;UNTIL=20270405T070000Z",
        )
    ) == [
        "20270322T0800/20270322T0900",
        "20270329T0700/20270329T0800",
        "20270405T0700/20270405T0800",
    ]


def test_exceptions_additions_and_replaced_repetitions_count() -> None:
    master = event(
        "UID:a",
        "SUMMARY:Course",
        "DTSTART;TZID=Europe/Berlin:20261201T090000",
        "DURATION:PT1H",
        "RRULE:FREQ=DAILY;COUNT=5",
        "EXDATE;TZID=Europe/Berlin:20261202T090000",
        "EXDATE;VALUE=DATE:20261203",
        "RDATE:20261220T080000Z",
    )
    moved = event(
        "UID:a",
        "RECURRENCE-ID:20261204T080000Z",
        "DTSTART:20261204T150000Z",
        "DURATION:PT2H",
    )
    cancelled = event(
        "UID:a",
        "RECURRENCE-ID;TZID=Europe/Berlin:20261205T090000",
        "DTSTART:20261205T080000Z",
        "DURATION:PT1H",
        "STATUS:CANCELLED",
    )
    assert absences(master, moved, cancelled) == [
        "20261201T0800/20261201T0900",
        "20261204T1500/20261204T1700",
        "20261220T0800/20261220T0900",
    ]


def test_a_replacement_without_an_uid_replaces_nothing() -> None:
    daily = event("DTSTART:20261201", "RRULE:FREQ=DAILY;COUNT=2")
    assert len(absences(daily, event("RECURRENCE-ID:20261201", "DTSTART:20261210"))) == 3


@pytest.mark.parametrize(
    ("rule", "count"),
    [
        ("FREQ=WEEKLY;UNTIL=20261215", 3),
        ("FREQ=WEEKLY;UNTIL=20261215T000000", 3),
        ("FREQ=WEEKLY;COUNT=4", 4),
        ("FREQ=MONTHLY;BYDAY=1TU;COUNT=4", 4),
        ("FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1;COUNT=2", 2),
        ("FREQ=YEARLY", 2),
        ("FREQ=WEEKLY", 104),
    ],
)
def test_rules_end_by_their_own_word_or_two_years_ahead(rule: str, count: int) -> None:
    found = absences(event("DTSTART;VALUE=DATE:20261201", f"RRULE:{rule}"))
    assert len(found) == count


def test_a_rule_of_long_ago_gives_what_is_near() -> None:
    found = absences(event("DTSTART;VALUE=DATE:20000103", "RRULE:FREQ=WEEKLY"))
    assert found[0] == "20251123T2300/20251124T2300"


def test_what_is_long_past_or_far_ahead_is_left_out() -> None:
    assert absences(event("DTSTART:20200101"), event("DTSTART:20300101")) == []


def test_text_is_unfolded_and_unescaped_and_limited() -> None:
    text = event("DTSTART:20261201", r"SUMMARY:Leave\, sum", " mer; DESCRIPTION:x" + "y" * 300)
    [found] = read_absences(calendar(text), BERLIN, NOW)
    assert found.reason.startswith("Leave, summer; DESCRIPTION:xy")
    assert len(found.reason) == 200


def test_other_components_and_alarms_are_passed_over() -> None:
    zone = "BEGIN:VTIMEZONE\r\nTZID:Europe/Berlin\r\nBEGIN:STANDARD\r\nDTSTART:19700101T000000\r\n"
    zone += "RRULE:FREQ=SECONDLY\r\nEND:STANDARD\r\nEND:VTIMEZONE"
    alarm = event("DTSTART:20261201", "BEGIN:VALARM", "DURATION:nonsense", "END:VALARM")
    assert len(absences(zone, alarm)) == 1


def test_holidays_are_days_with_their_names() -> None:
    text = calendar(
        event("DTSTART;VALUE=DATE:20261225", "DTEND;VALUE=DATE:20261227", "SUMMARY:Christmas"),
        event("DTSTART;VALUE=DATE:20261226", "SUMMARY:Boxing Day", "TRANSP:TRANSPARENT"),
        event("DTSTART;VALUE=DATE:20200101", "RRULE:FREQ=YEARLY", "SUMMARY:New Year"),
        event("DTSTART;VALUE=DATE:20270501", "SUMMARY:Not this one", "STATUS:CANCELLED"),
    )
    assert read_holidays(text, NOW) == [
        Holiday(date(2026, 1, 1), "New Year"),
        Holiday(date(2026, 12, 25), "Christmas"),
        Holiday(date(2026, 12, 26), "Christmas, Boxing Day"),
        Holiday(date(2027, 1, 1), "New Year"),
        Holiday(date(2028, 1, 1), "New Year"),
    ]


TIMED = ["DTSTART:20261201T080000Z", "DURATION:PT1H"]
DAY = ["DTSTART;VALUE=DATE:20261201"]


@pytest.mark.parametrize(
    ("lines", "line", "reason"),
    [
        ([], 3, "no DTSTART"),
        (["DTSTART:20261301"], 4, "not a day or time"),
        (["DTSTART:2026-12-01"], 4, "not a day or time"),
        (["DTSTART:20261201T250000"], 4, "not a day or time"),
        (["DTSTART:00010101"], 4, "year"),
        (["DTSTART:20261201T080000Z"], 3, "neither DTEND nor DURATION"),
        ([*DAY, "DTSTART:20261202"], 5, "second DTSTART"),
        (["DTSTART;TZID=Europe/Berln:20261201T080000", "DURATION:PT1H"], 4, "'Europe/Berlin'"),
        (["DTSTART;TZID=Nowhere:20261201T080000", "DURATION:PT1H"], 4, "no time zone 'Nowhere'"),
        (["DTSTART:20261201T080000Z", "DTEND:20261201T080000Z"], 5, "does not end after"),
        (["DTSTART:20261201", "DTEND:20261130"], 5, "does not end after"),
        (["DTSTART:20261201", "DTEND:20261202T080000Z"], 5, "one is a day and one a time"),
        (["DTSTART:20261201T080000", "DTEND:20261201T090000Z"], 5, "only one has a time zone"),
        (["DTSTART:20261201T080000Z", "DURATION:-PT1H"], 5, "not between 0"),
        (["DTSTART:20261201T080000Z", "DURATION:soon"], 5, "not a duration"),
        (["DTSTART:20261201", "DURATION:PT1H"], 5, "cannot last hours"),
        ([*DAY, "RRULE:garbage"], 5, "FREQ"),
        ([*DAY, "RRULE:FREQ=HOURLY"], 5, "FREQ must be one of"),
        ([*DAY, "RRULE:FREQ=SECONDLY"], 5, "FREQ must be one of"),
        ([*DAY, "RRULE:FREQ=DAILY;BYSECOND=1"], 5, "BYSECOND is not taken"),
        ([*DAY, "RRULE:FREQ=DAILY;INTERVAL=0"], 5, "INTERVAL must be at least 1"),
        ([*DAY, "RRULE:FREQ=DAILY;COUNT=0"], 5, "COUNT must be at least 1"),
        ([*DAY, "RRULE:FREQ=DAILY;COUNT=2;UNTIL=20270101"], 5, "exclude each other"),
        ([*DAY, "RRULE:FREQ=DAILY;UNTIL=20260101"], 5, "UNTIL is before DTSTART"),
        ([*DAY, "RRULE:FREQ=WEEKLY;BYDAY=XX"], 5, "RRULE"),
        ([*DAY, "RRULE:FREQ=DAILY;RSCALE=CHINESE"], 5, "RRULE"),
        ([*DAY, "RRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30"], 5, "gives no day"),
        ([*DAY, "RRULE:FREQ=DAILY;INTERVAL=7;BYDAY=MO"], 5, "gives no day"),
        ([*DAY, "EXDATE:never"], 5, "not a day or time"),
        ([*DAY, "EXRULE:FREQ=DAILY"], 5, "no longer part"),
        ([*TIMED, "RDATE;VALUE=PERIOD:20261203T090000Z/PT1H"], 6, "periods"),
        ([*DAY, "UID:a", "RECURRENCE-ID;RANGE=THISANDFUTURE:20261201"], 6, "RANGE"),
    ],
)
def test_an_event_that_breaks_a_rule_is_named_with_its_line(
    lines: list[str], line: int, reason: str
) -> None:
    [(pointer, detail)] = faults(calendar(event(*lines)))
    assert pointer == f"/line/{line}"
    assert detail.startswith("Event 1: ")
    assert reason in detail


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("", 1, "empty"),
        ("\r\n \r\n", 1, "empty"),
        ("hello", 1, "content line"),
        ("<html>\n", 1, "content line"),
        ("{}", 1, "content line"),
        ("VERSION:2.0\n", 1, "BEGIN:VCALENDAR"),
        ("BEGIN:VEVENT\n", 1, "BEGIN:VCALENDAR"),
        ("BEGIN:VCALENDAR\nBEGIN:VEVENT\nEND:VCALENDAR\n", 3, "not begun last"),
        ("BEGIN:VCALENDAR\nBEGIN:VEVENT\nEND:VEVENT\n", 3, "ends before END:VCALENDAR"),
        ("BEGIN:VCALENDAR\n\nno colon here\nEND:VCALENDAR\n", 3, "content line"),
        ("BEGIN:VCALENDAR\nEND:VCALENDAR\ntrailing\n", 3, "content line"),
        ('BEGIN:VCALENDAR\nX;A="b:c\nEND:VCALENDAR\n', 2, "content line"),
    ],
)
def test_a_file_that_is_not_icalendar_is_refused_with_the_line(
    text: str, line: int, reason: str
) -> None:
    [(pointer, detail)] = faults(text)
    assert (pointer, reason in detail) == (f"/line/{line}", True), detail


def test_every_faulty_event_is_named_up_to_ten() -> None:
    text = calendar(event("DTSTART:x"), event("DTSTART:20261201"), event("UID:a"))
    assert [pointer for pointer, _ in faults(text)] == ["/line/4", "/line/9"]
    assert len(faults(calendar(*[event("UID:a")] * 100))) == 10


@pytest.mark.parametrize("text", ["x" * 10_000, calendar(event("DTSTART:" + "2" * 10_000))])
def test_a_fault_quotes_little_of_a_long_line(text: str) -> None:
    [(_, detail)] = faults(text)
    assert len(detail) < 300


def test_a_holiday_is_a_whole_day_and_no_season() -> None:
    assert "whole day" in faults(calendar(event(*TIMED)), holidays=True)[0][1]
    year = event("DTSTART:20260101", "DURATION:P365D")
    assert "at most" in faults(calendar(year), holidays=True)[0][1]


@pytest.mark.parametrize(
    ("events", "reason"),
    [
        pytest.param([event(*DAY)] * 2001, "2000 events", id="events"),
        pytest.param([event(*DAY, "RRULE:FREQ=DAILY")] * 3, "2000 absences", id="absences"),
        pytest.param(
            [event("DTSTART:19990101", "RRULE:FREQ=DAILY;BYMONTH=2;BYMONTHDAY=29")] * 500,
            "too far back",
            id="steps",
        ),
        pytest.param(
            [event("DTSTART:20000101", "RRULE:FREQ=YEARLY;BYDAY=MO,TU,WE,TH,FR,SA,SU")] * 30,
            "repetitions",
            id="repetitions",
        ),
        pytest.param(
            [event(*DAY, "RRULE:FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30")] * 20, "no day", id="never"
        ),
    ],
)
def test_a_file_costs_no_more_than_it_may(events: list[str], reason: str) -> None:
    began = process_time()
    assert reason in faults(calendar(*events))[0][1]
    assert process_time() - began < 15


words = st.sampled_from(
    ["BEGIN:VEVENT", "END:VEVENT", "BEGIN:VCALENDAR", "END:VCALENDAR", "DTSTART:20261201", "UID:a",
     "DTSTART;TZID=Europe/Berlin:20261201T090000", "DURATION:P1D", "DURATION:PT1H", " folded",
     "DTEND:20261202", "RRULE:FREQ=DAILY;COUNT=2", "EXDATE:20261201", "RECURRENCE-ID:20261201",
     "RDATE:20261205", "SUMMARY:a"]
)  # fmt: skip
numbers = st.one_of(st.integers(-400, 400), st.sampled_from([0, 10**9, 10**30]))
parts = st.one_of(
    st.sampled_from(["FREQ=DAILY", "FREQ=WEEKLY", "FREQ=MONTHLY", "FREQ=YEARLY", "WKST=SU"]),
    st.builds(
        "{}={}".format,
        st.sampled_from(["INTERVAL", "COUNT", "BYMONTH", "BYMONTHDAY", "BYYEARDAY", "BYWEEKNO",
                         "BYSETPOS", "UNTIL", "BYDAY", "X"]),
        numbers,
    ),
    st.builds("BYDAY={}{}".format, st.integers(-6, 6), st.sampled_from(["MO", "SU"])),
)  # fmt: skip


@given(
    st.one_of(
        st.text(max_size=200),
        st.lists(st.one_of(words, st.text(max_size=20)), max_size=12).map("\n".join),
        st.lists(st.one_of(words, st.text(max_size=20)), max_size=8).map(
            lambda lines: calendar(event(*lines))
        ),
        st.lists(parts, max_size=5).map(
            lambda found: calendar(event(*DAY, "RRULE:" + ";".join(found)))
        ),
    )
)
def test_any_text_is_read_or_refused_with_a_line(text: str) -> None:
    for read in (lambda: read_absences(text, BERLIN, NOW), lambda: read_holidays(text, NOW)):
        refusals = []
        try:
            read()
        except InvalidInput as error:
            refusals = [[each.pointer[:6] for each in error.errors]]
        assert all(set(pointers) == {"/line/"} for pointers in refusals)


@given(st.integers(1, 30), st.integers(1, 40), st.sampled_from(["DAILY", "WEEKLY"]))
def test_a_rule_gives_every_nth_day_or_week(interval: int, count: int, rhythm: str) -> None:
    rule = f"RRULE:FREQ={rhythm};INTERVAL={interval};COUNT={count}"
    found = read_absences(calendar(event("DTSTART:20261201T080000Z", "DURATION:PT1H", rule)),
                          BERLIN, NOW)  # fmt: skip
    step = timedelta(days=interval if rhythm == "DAILY" else 7 * interval)
    first = datetime(2026, 12, 1, 8, tzinfo=UTC)
    expected = [first + number * step for number in range(count)]
    assert [each.absence.start for each in found] == [
        each for each in expected if each < NOW + timedelta(days=731)
    ]
