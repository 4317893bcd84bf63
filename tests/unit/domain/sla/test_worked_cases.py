"""Due times worked out by hand. 2 March 2026 is a Monday; clocks change in Europe on 29 March and
25 October, in New York on 8 March. Berlin's office has 09:00 to 17:00 on working days; high means
4 hours, medium 16, low 80, critical 1; a first response is due after 1 hour, the next after 2.
"""

from datetime import UTC, datetime

import pytest

from tests.unit.domain.sla.cases import Case, length

CASES = [
    # Office hours -----------------------------------------------------------------------------
    Case("within one day", ("2026-03-02 09:00 created high",), "2026-03-02 13:00"),
    Case("over one night", ("2026-03-02 15:00 created high",), "2026-03-03 11:00"),
    Case("over the weekend", ("2026-03-06 16:00 created high",), "2026-03-09 12:00"),
    Case("from a Saturday", ("2026-03-07 12:00 created high",), "2026-03-09 13:00"),
    Case("before opening", ("2026-03-02 06:00 created high",), "2026-03-02 13:00"),
    Case("at closing time", ("2026-03-02 17:00 created high",), "2026-03-03 13:00"),
    Case("ends as the day ends", ("2026-03-02 13:00 created high",), "2026-03-02 17:00"),
    Case("a minute before closing", ("2026-03-02 16:59 created critical",), "2026-03-03 09:59"),
    Case("two working days", ("2026-03-05 12:00 created medium",), "2026-03-09 12:00"),
    Case("ten working days", ("2026-03-02 09:00 created low",), "2026-03-13 17:00"),
    Case("a break for lunch", ("2026-03-02 11:30 created high",), "2026-03-02 16:30", by="lunch"),
    Case(
        "an hour a week takes four weeks",
        ("2026-03-02 09:00 created high",),
        "2026-03-23 10:00",
        by="an hour a week",
    ),
    Case("a calendar without hours", ("2026-03-02 09:00 created high",), None, by="no hours"),
    # Holidays and years -----------------------------------------------------------------------
    Case("over Easter", ("2026-04-02 16:00 created high",), "2026-04-07 12:00"),
    Case("ten working days over Easter", ("2026-04-01 09:00 created low",), "2026-04-16 17:00"),
    Case("on a holiday", ("2026-05-01 10:00 created critical",), "2026-05-04 10:00"),
    Case("over Christmas", ("2026-12-24 16:00 created high",), "2026-12-28 12:00"),
    Case("into the next year", ("2026-12-31 15:00 created high",), "2027-01-04 11:00"),
    Case(
        "around the clock into the next year",
        ("2026-12-28 12:00 created low",),
        "2027-01-07 12:00",
        by="24x7",
        target="10d",
    ),
    Case(
        "over a leap day",
        ("2028-02-28 12:00 created low",),
        "2028-03-01 12:00",
        by="24x7",
        target="2d",
    ),
    # Clocks that are set forward and back -----------------------------------------------------
    Case("an office over spring", ("2026-03-27 16:00 created high",), "2026-03-30 12:00"),
    Case("an office over autumn", ("2026-10-23 16:00 created high",), "2026-10-26 12:00"),
    Case(
        "the Sunday of 23 hours is over after 23",
        ("2026-03-29 00:00 created high",),
        "2026-03-30 00:00",
        by="sundays",
        target="23h",
    ),
    Case(
        "the 24th hour is on the next Sunday",
        ("2026-03-29 00:00 created high",),
        "2026-04-05 01:00",
        by="sundays",
        target="24h",
    ),
    Case(
        "two hours over the gap",
        ("2026-03-29 01:00 created high",),
        "2026-03-29 04:00",
        by="sundays",
        target="2h",
    ),
    Case(
        "the Sunday of 25 hours is over after 25",
        ("2026-10-25 00:00 created high",),
        "2026-10-26 00:00",
        by="sundays",
        target="25h",
    ),
    Case(
        "three hours from one to three",
        ("2026-10-25 01:00 created high",),
        "2026-10-25 03:00",
        by="sundays",
        target="3h",
    ),
    Case(
        "around the clock over spring",
        ("2026-03-28 18:00 created high",),
        "2026-03-29 07:00",
        by="24x7",
        target="12h",
    ),
    Case(
        "around the clock over autumn",
        ("2026-10-24 18:00 created high",),
        "2026-10-25 05:00",
        by="24x7",
        target="12h",
    ),
    Case(
        "the spring night has seven hours",
        ("2026-03-28 22:00 created high",),
        "2026-03-29 23:00",
        by="every night",
        target="8h",
    ),
    Case(
        "the autumn night has nine hours",
        ("2026-10-24 22:00 created high",),
        "2026-10-25 06:00",
        by="every night",
        target="9h",
    ),
    # Nights and other zones -------------------------------------------------------------------
    Case("within a night", ("2026-03-02 23:00 created high",), "2026-03-03 03:00", by="nights"),
    Case("over the day", ("2026-03-03 05:00 created high",), "2026-03-04 01:00", by="nights"),
    Case(
        "from Friday night to Monday night",
        ("2026-03-06 23:00 created high",),
        "2026-03-09 23:00",
        by="nights",
        target="8h",
    ),
    Case(
        "a holiday takes the middle of two nights",
        ("2026-04-30 23:00 created high",),
        "2026-05-02 03:00",
        by="nights",
    ),
    Case(
        "New York over its spring",
        ("2026-03-06 16:00 created high",),
        "2026-03-09 12:00",
        by="new york",
        zone="America/New_York",
    ),
    Case(
        "New York seen from Berlin, five hours apart in March",
        ("2026-03-13 22:00 created high",),
        "2026-03-16 18:00",
        by="new york",
    ),
    Case(
        "New York seen from Berlin, six hours apart in June",
        ("2026-06-12 22:00 created high",),
        "2026-06-15 18:00",
        by="new york",
    ),
    Case(
        "Kathmandu, which works on Sundays",
        ("2026-03-06 16:00 created high",),
        "2026-03-08 13:00",
        by="kathmandu",
        zone="Asia/Kathmandu",
    ),
    Case(
        "Kathmandu, a quarter of an hour off, seen in UTC",
        ("2026-03-06 10:15 created high",),
        "2026-03-08 07:15",
        by="kathmandu",
        zone="UTC",
    ),
    # Pauses -----------------------------------------------------------------------------------
    Case(
        "two hours on hold",
        ("2026-03-02 09:00 created high", "2026-03-02 10:00 on_hold", "2026-03-02 12:00 open"),
        "2026-03-02 15:00",
    ),
    Case(
        "on hold for two nights",
        ("2026-03-02 15:00 created high", "2026-03-02 16:00 on_hold", "2026-03-04 10:00 open"),
        "2026-03-04 13:00",
    ),
    Case(
        "one pause becomes another",
        (
            "2026-03-02 09:00 created high",
            "2026-03-02 10:00 pending_customer",
            "2026-03-02 11:00 on_hold",
            "2026-03-02 11:30 pending_customer",
            "2026-03-02 12:00 open",
        ),
        "2026-03-02 15:00",
    ),
    Case(
        "two pauses",
        (
            "2026-03-02 09:00 created high",
            "2026-03-02 10:00 on_hold",
            "2026-03-02 11:00 open",
            "2026-03-02 12:00 pending_customer",
            "2026-03-02 14:00 open",
        ),
        "2026-03-02 16:00",
    ),
    Case(
        "standing still",
        ("2026-03-02 09:00 created high", "2026-03-02 10:00 pending_customer"),
        None,
        if_resumed="2026-03-02 13:00",
        worked="1h",
    ),
    Case(
        "a pause outside of hours costs nothing",
        ("2026-03-02 16:00 created high", "2026-03-02 20:00 on_hold", "2026-03-03 08:00 open"),
        "2026-03-03 12:00",
    ),
    Case(
        "a pause over the weekend costs nothing",
        ("2026-03-06 15:00 created high", "2026-03-07 10:00 on_hold", "2026-03-08 10:00 open"),
        "2026-03-09 11:00",
    ),
    Case(
        "a minute left overnight",
        ("2026-03-02 09:00 created high", "2026-03-02 12:59 on_hold", "2026-03-03 08:00 open"),
        "2026-03-03 09:01",
    ),
    Case(
        "on hold before it could begin",
        ("2026-03-02 07:00 created high", "2026-03-02 08:00 on_hold", "2026-03-02 14:00 open"),
        "2026-03-03 10:00",
    ),
    Case(
        "a first word is owed though the ticket is on hold",
        ("2026-03-02 09:00 created high", "2026-03-02 09:10 on_hold"),
        "2026-03-02 10:00",
        metric="first_response",
    ),
    # Priorities -------------------------------------------------------------------------------
    Case(
        "more urgent, with time left",
        ("2026-03-02 09:00 created medium", "2026-03-02 09:30 priority critical"),
        "2026-03-02 10:00",
    ),
    Case(
        "more urgent, with nothing left",
        ("2026-03-02 09:00 created medium", "2026-03-02 11:00 priority critical"),
        "2026-03-02 11:00",
        breached="2026-03-02 11:00",
    ),
    Case(
        "less urgent in time",
        ("2026-03-02 09:00 created high", "2026-03-02 12:00 priority low"),
        "2026-03-13 17:00",
    ),
    Case(
        "less urgent after a breach",
        ("2026-03-02 09:00 created critical", "2026-03-02 11:00 priority medium"),
        "2026-03-03 17:00",
    ),
    Case(
        "still breached by the longer target",
        ("2026-03-02 09:00 created critical", "2026-03-02 16:00 priority high"),
        "2026-03-02 10:00",
        breached="2026-03-02 10:00",
    ),
    Case(
        "less urgent while on hold",
        (
            "2026-03-02 09:00 created high",
            "2026-03-02 10:00 on_hold",
            "2026-03-02 11:00 priority medium",
            "2026-03-02 12:00 open",
        ),
        "2026-03-04 11:00",
    ),
    Case(
        "up and down again",
        (
            "2026-03-02 09:00 created medium",
            "2026-03-02 09:10 priority critical",
            "2026-03-02 09:20 priority medium",
        ),
        "2026-03-03 17:00",
    ),
    # Policies ---------------------------------------------------------------------------------
    Case(
        "from around the clock to the office",
        ("2026-03-06 16:00 created high", "2026-03-06 18:00 policy berlin"),
        "2026-03-09 12:00",
        by="24x7",
    ),
    Case(
        "to around the clock, on hold: what was counted stays",
        (
            "2026-03-06 09:00 created high",
            "2026-03-06 11:00 on_hold",
            "2026-03-06 12:00 policy 24x7",
            "2026-03-07 10:00 open",
        ),
        "2026-03-07 12:00",
    ),
    Case(
        "a day off is announced",
        (
            "2026-03-02 15:00 created high",
            "2026-03-02 16:00 policy berlin, closed on Tuesday",
        ),
        "2026-03-04 11:00",
    ),
    Case(
        "the office closes for good",
        ("2026-03-02 09:00 created high", "2026-03-02 10:00 policy no hours"),
        None,
    ),
    # Ends, and what comes back ----------------------------------------------------------------
    Case(
        "resolved and reopened the next day",
        ("2026-03-02 09:00 created high", "2026-03-02 11:00 resolved", "2026-03-03 09:00 new"),
        "2026-03-03 11:00",
    ),
    Case(
        "reopened after a breach",
        ("2026-03-02 09:00 created critical", "2026-03-02 10:30 resolved", "2026-03-02 12:00 new"),
        "2026-03-02 10:00",
        breached="2026-03-02 10:00",
    ),
    Case(
        "reopened with another priority",
        (
            "2026-03-02 09:00 created high",
            "2026-03-02 11:00 resolved",
            "2026-03-02 12:00 priority medium",
            "2026-03-03 09:00 new",
        ),
        "2026-03-04 15:00",
    ),
    Case(
        "resolved on hold and reopened",
        (
            "2026-03-02 09:00 created high",
            "2026-03-02 10:00 on_hold",
            "2026-03-02 11:00 resolved",
            "2026-03-02 14:00 new",
        ),
        "2026-03-02 17:00",
    ),
    Case(
        "closed while it stands still",
        (
            "2026-03-02 09:00 created high",
            "2026-03-02 10:00 pending_customer",
            "2026-03-02 12:00 closed",
        ),
        None,
        worked="1h",
    ),
    Case(
        "taken for spam and restored",
        ("2026-03-02 09:00 created critical", "2026-03-02 09:30 spam", "2026-03-02 11:00 new"),
        "2026-03-02 11:30",
    ),
    Case(
        "merged away",
        ("2026-03-02 09:00 created critical", "2026-03-02 09:30 merged"),
        None,
        worked="30m",
    ),
    # Responses --------------------------------------------------------------------------------
    Case(
        "a question before the first word asks for nothing new",
        ("2026-03-02 09:00 created high", "2026-03-02 09:30 answer"),
        "2026-03-02 10:00",
        metric="first_response",
    ),
    Case(
        "an answer to a reply",
        (
            "2026-03-02 09:00 created high",
            "2026-03-02 09:20 reply",
            "2026-03-02 10:00 answer",
        ),
        "2026-03-02 12:00",
        metric="next_response",
    ),
    Case(
        "the oldest answer counts",
        (
            "2026-03-02 09:00 created high",
            "2026-03-02 09:20 reply",
            "2026-03-02 10:00 answer",
            "2026-03-02 11:00 answer",
        ),
        "2026-03-02 12:00",
        metric="next_response",
    ),
    Case(
        "an answer on Friday afternoon",
        (
            "2026-03-06 09:00 created low",
            "2026-03-06 09:20 reply",
            "2026-03-06 16:30 answer",
        ),
        "2026-03-09 10:30",
        metric="next_response",
    ),
    Case(
        "each answer anew",
        (
            "2026-03-02 09:00 created low",
            "2026-03-02 09:20 reply",
            "2026-03-02 10:00 answer",
            "2026-03-02 11:00 reply",
            "2026-03-02 13:00 answer",
        ),
        "2026-03-02 15:00",
        metric="next_response",
    ),
    Case(
        "an answer that waits on hold",
        (
            "2026-03-02 09:00 created low",
            "2026-03-02 09:20 reply",
            "2026-03-02 10:00 answer",
            "2026-03-02 11:00 on_hold",
            "2026-03-02 13:00 open",
        ),
        "2026-03-02 14:00",
        metric="next_response",
    ),
    # Paused when its clocks begin, as tickets that are imported may be ----------------------
    Case(
        "on hold from its first moment",
        ("2026-03-02 09:00 created high", "2026-03-02 09:00 on_hold"),
        None,
        worked="0s",
        if_resumed="2026-03-02 13:00",
    ),
    Case(
        "pending from its first moment, and on after the weekend",
        (
            "2026-03-06 16:00 created high",
            "2026-03-06 16:00 pending_customer",
            "2026-03-09 10:00 open",
        ),
        "2026-03-09 14:00",
    ),
    Case(
        "on hold from a holiday on",
        (
            "2026-05-01 10:00 created critical",
            "2026-05-01 10:00 on_hold",
            "2026-05-04 16:30 new",
        ),
        "2026-05-05 09:30",
    ),
    Case(
        "on hold over spring, around the clock",
        (
            "2026-03-28 18:00 created high",
            "2026-03-28 18:00 on_hold",
            "2026-03-29 01:00 open",
        ),
        "2026-03-29 06:00",
        by="24x7",
    ),
    Case(
        "pending with a reply from before owes no first one",
        (
            "2026-03-02 09:00 created high",
            "2026-03-02 09:00 reply",
            "2026-03-02 09:00 pending_customer",
            "2026-03-03 09:00 open",
        ),
        "2026-03-02 10:00",
        metric="first_response",
        worked="0s",
    ),
    Case(
        "a question from before is answered by the next response",
        (
            "2026-03-02 09:00 created high",
            "2026-03-02 09:00 reply",
            "2026-03-02 09:00 answer",
            "2026-03-02 09:00 on_hold",
            "2026-03-03 09:00 open",
        ),
        "2026-03-03 11:00",
        metric="next_response",
    ),
    Case(
        "an answer that reopens",
        (
            "2026-03-02 09:00 created low",
            "2026-03-02 09:20 resolved",
            "2026-03-02 10:00 new",
            "2026-03-02 10:00 answer",
        ),
        "2026-03-02 12:00",
        metric="next_response",
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_clock_is_due_when_it_was_worked_out_to_be(case: Case) -> None:
    clock = case.clocks().by_metric[case.measured]
    assert clock.due_at == (case.due and case.moment(case.due))
    assert clock.breached_at == (case.breached and case.moment(case.breached))
    if case.worked:
        assert clock.worked == length(case.worked)
    if case.if_resumed:
        last = case.facts()[-1]
        assert clock.projected(last.at, last.policy) == case.moment(case.if_resumed)


def test_there_are_at_least_forty_cases_and_no_two_of_a_name() -> None:
    assert len(CASES) >= 40
    assert len({case.name for case in CASES}) == len(CASES)


def test_cases_are_written_in_local_time() -> None:
    [spring, autumn] = [case for case in CASES if case.name.startswith("an office over")]
    moments = [case.clocks().by_metric[case.measured].due_at for case in (spring, autumn)]
    assert moments == [
        datetime(2026, 3, 30, 10, tzinfo=UTC),
        datetime(2026, 10, 26, 11, tzinfo=UTC),
    ]
