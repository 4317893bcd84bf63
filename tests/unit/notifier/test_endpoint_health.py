"""The breaker, the pause and the streak of an endpoint, by cases and by properties."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notifier.health import NewsKind, Report, Verdict, observe
from services.notifier.health.breaker import LONGEST_REST, rest
from services.notifier.health.streak import WARNINGS
from shared.domain.endpoint_health import EndpointState, Health
from tests.factories import NOW

FRESH = Health()
FAILURES = (Verdict.FAILED, Verdict.REFUSED)


def at(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def report(verdict: Verdict, seconds: float = 0, wait_s: int | None = None) -> Report:
    """An attempt that took a millisecond."""
    reason = "" if verdict is Verdict.DELIVERED else "HTTP 500"
    return Report(verdict, at(seconds - 0.001), at(seconds), reason, wait_s)


def run(verdicts: Sequence[Verdict], every_s: float = 1.0) -> Health:
    return observe(FRESH, [report(v, i * every_s) for i, v in enumerate(verdicts)])[0]


def opened(seconds: float = 4) -> Health:
    """A breaker that opened for the first time at that second."""
    health = run([Verdict.FAILED] * 5, seconds / 4)
    assert health.opened_at == at(seconds)
    return health


def probed(health: Health, verdict: Verdict) -> Health:
    """The health after a probe at the earliest moment; it took no time."""
    assert health.open_until is not None
    moment = health.open_until
    return observe(health, [Report(verdict, moment, moment, "HTTP 500")])[0]


@pytest.mark.parametrize(
    ("verdicts", "state"),
    [
        ([], "healthy"),
        ([Verdict.FAILED] * 4, "failing"),
        ([Verdict.FAILED] * 5, "open"),
        ([*[Verdict.FAILED] * 4, Verdict.DELIVERED, *[Verdict.FAILED] * 4], "failing"),
        ([Verdict.REFUSED] * 2, "failing"),
        ([Verdict.REFUSED] * 3, "open"),
        ([Verdict.REFUSED, Verdict.REFUSED, Verdict.FAILED], "open"),
        ([Verdict.THROTTLED] * 5, "open"),
        ([Verdict.NOTHING] * 50, "healthy"),
        ([Verdict.DELIVERED] * 50, "healthy"),
        ([Verdict.FAILED, Verdict.DELIVERED] * 9, "healthy"),
        ([Verdict.FAILED, Verdict.DELIVERED] * 10, "healthy"),
        ([*[Verdict.FAILED, Verdict.DELIVERED] * 9, Verdict.FAILED, Verdict.FAILED], "open"),
    ],
)
def test_failures_in_a_row_or_half_of_many_open_the_breaker(
    verdicts: Sequence[Verdict], state: str
) -> None:
    assert run(verdicts).state(at(len(verdicts))) == state


def test_failures_that_are_spread_over_more_than_a_minute_do_not_open_it() -> None:
    assert run([Verdict.FAILED, Verdict.DELIVERED] * 60, 3.2).opens == 0


def test_a_probe_follows_each_rest_and_the_rests_double_up_to_a_quarter_of_an_hour() -> None:
    health, rests = opened(), []
    for _ in range(8):
        assert health.open_until is not None
        assert health.opened_at is not None
        assert health.blocked_until == health.open_until
        assert health.state(health.open_until) is EndpointState.HALF_OPEN
        rests.append((health.open_until - health.opened_at).total_seconds())
        health = probed(health, Verdict.FAILED)
    assert rests == [30, 60, 120, 240, 480, 900, 900, 900]


def test_a_probe_that_is_taken_closes_the_breaker_and_the_next_rest_is_short_again() -> None:
    health = probed(probed(opened(), Verdict.FAILED), Verdict.DELIVERED)
    assert health.blocked_until is None
    assert health.clean
    again, _ = observe(health, [report(Verdict.FAILED, 500 + i) for i in range(5)])
    assert again.open_until == at(504) + rest(1)


@pytest.mark.parametrize("verdict", [Verdict.DELIVERED, Verdict.FAILED, Verdict.REFUSED])
def test_what_was_under_way_when_it_opened_neither_closes_nor_prolongs_it(
    verdict: Verdict,
) -> None:
    health = opened(4)
    late, _ = observe(health, [Report(verdict, at(3), at(9), "HTTP 500")])
    assert (late.open_until, late.opens) == (health.open_until, 1)


def test_a_probe_that_is_asked_to_wait_closes_the_breaker_and_pauses() -> None:
    health = opened()
    assert health.open_until is not None
    moment = health.open_until
    asked, _ = observe(health, [Report(Verdict.THROTTLED, moment, moment, "HTTP 429", 90)])
    assert asked.state(moment) is EndpointState.PAUSED
    assert asked.blocked_until == moment + timedelta(seconds=90)


@pytest.mark.parametrize(
    ("asked_s", "granted_s"), [(-5, 1), (0, 1), (30, 30), (86_400, 86_400), (10**9, 86_400)]
)
@pytest.mark.parametrize("verdict", [Verdict.THROTTLED, Verdict.FAILED])
def test_the_wait_that_is_asked_for_pauses_the_endpoint_within_bounds(
    verdict: Verdict, asked_s: int, granted_s: int
) -> None:
    health, _ = observe(FRESH, [report(verdict, wait_s=asked_s)])
    assert health.blocked_until == at(granted_s)


def test_a_short_pause_does_not_shorten_a_long_one() -> None:
    asked = [report(Verdict.THROTTLED, 0, 3600), report(Verdict.THROTTLED, 1, 5)]
    assert observe(FRESH, asked)[0].blocked_until == at(3600)


def test_429_does_not_begin_a_streak_and_503_does() -> None:
    assert run([Verdict.THROTTLED] * 3).failing_since is None
    assert observe(FRESH, [report(Verdict.FAILED, wait_s=5)])[0].failing_since == NOW


def hourly(hours: int, verdict: Verdict = Verdict.FAILED) -> list[Report]:
    return [report(verdict, 3600 * hour) for hour in range(hours + 1)]


def test_the_owner_is_warned_after_an_hour_a_day_and_three_days_and_told_of_the_end() -> None:
    _, news = observe(FRESH, hourly(5 * 24))
    told = [(each.kind, (each.at - NOW) / timedelta(hours=1)) for each in news]
    failing = [(NewsKind.FAILING, age / timedelta(hours=1)) for age in WARNINGS]
    assert told == [*failing, (NewsKind.DISABLED, 120)]
    assert {each.since for each in news} == {NOW}
    assert news[-1].failures == 121


def test_a_recovery_is_told_to_who_was_warned_and_to_nobody_else() -> None:
    warned = [*hourly(2), report(Verdict.DELIVERED, 9000)]
    assert [each.kind for each in observe(FRESH, warned)[1]] == ["failing", "recovered"]
    assert observe(FRESH, [*hourly(0), report(Verdict.DELIVERED, 60)])[1] == ()


def test_429_for_a_week_neither_warns_nor_disables() -> None:
    assert observe(FRESH, hourly(7 * 24, Verdict.THROTTLED))[1] == ()


def test_few_failures_that_lie_far_apart_do_not_disable() -> None:
    daily = [report(Verdict.FAILED, 86_400 * 2 * day) for day in range(4)]
    assert all(each.kind is NewsKind.FAILING for each in observe(FRESH, daily)[1])


def test_one_success_within_the_days_begins_them_anew() -> None:
    middle = [*hourly(100), report(Verdict.DELIVERED, 3600 * 100 + 60)]
    later = [report(Verdict.FAILED, 3600 * (101 + hour)) for hour in range(119)]
    kinds = [each.kind for each in observe(FRESH, [*middle, *later])[1]]
    assert NewsKind.DISABLED not in kinds


histories = st.lists(
    st.tuples(
        st.sampled_from(Verdict),
        st.one_of(st.floats(0.001, 5), st.floats(0.001, 40_000)),
        st.one_of(st.none(), st.none(), st.integers(-10, 10**6)),
        st.floats(0, 60),
    ),
    max_size=120,
)


def reports(history: Sequence[tuple[Verdict, float, int | None, float]]) -> list[Report]:
    found, moment = [], NOW
    for verdict, gap_s, wait_s, took_s in history:
        moment += timedelta(seconds=gap_s)
        wait = None if verdict in (Verdict.DELIVERED, Verdict.NOTHING) else wait_s
        started = moment - timedelta(seconds=took_s)
        found.append(Report(verdict, started, moment, "HTTP 500", wait))
    return found


@given(history=histories)
def test_the_breaker_opens_for_one_of_its_two_reasons_only(
    history: Sequence[tuple[Verdict, float, int | None, float]],
) -> None:
    health, since = FRESH, 0
    found = reports(history)
    for index, each in enumerate(found):
        before, (health, _) = health, observe(health, [each])
        if health.opens > before.opens and before.opened_at is None:
            counted = [
                r
                for r in found[since : index + 1]
                if r.verdict is not Verdict.NOTHING
                and (r.verdict is Verdict.DELIVERED or r.wait_s is None)
            ]
            row = 0
            for r in reversed(counted):
                if r.verdict is Verdict.DELIVERED:
                    break
                row += 2 if r.verdict is Verdict.REFUSED else 1
            recent = [r for r in counted if each.ended_at - r.ended_at <= timedelta(seconds=60)]
            failed = sum(r.verdict is not Verdict.DELIVERED for r in recent)
            assert row >= 5 or (len(recent) >= 20 and failed >= 10)
        if health.opened_at is None and before.opened_at is not None:
            since = index + 1


@given(history=histories)
def test_nothing_is_sent_before_a_pause_or_a_rest_is_over(
    history: Sequence[tuple[Verdict, float, int | None, float]],
) -> None:
    health = FRESH
    for each in reports(history):
        before, (health, news) = health, observe(health, [each])
        disabled = any(one.kind is NewsKind.DISABLED for one in news)
        if each.wait_s is not None and not disabled:
            wait = timedelta(seconds=min(max(each.wait_s, 1), 86_400))
            assert health.blocked_until is not None
            assert health.blocked_until >= each.ended_at + wait
        if health.opens > before.opens:
            assert health.open_until is not None
            assert timedelta(seconds=30) <= health.open_until - each.ended_at <= LONGEST_REST
        moments = (health.paused_until, health.open_until, health.rate_until)
        known = [moment for moment in moments if moment]
        assert health.blocked_until == max(known, default=None)


@given(history=histories)
def test_disabling_takes_five_days_without_a_success_and_failures_that_lie_apart(
    history: Sequence[tuple[Verdict, float, int | None, float]],
) -> None:
    streak: list[Report] = []
    health = FRESH
    for each in reports(history):
        health, news = observe(health, [each])
        if each.verdict is Verdict.DELIVERED:
            streak = []
        elif each.verdict in FAILURES:
            streak.append(each)
        if any(one.kind is NewsKind.DISABLED for one in news):
            span = streak[-1].ended_at - streak[0].ended_at
            assert span >= timedelta(days=5) > timedelta(hours=12)
            assert len(streak) >= 5
            streak = []
        else:
            assert not streak or len(streak) < 5 or age(streak) < timedelta(days=5)


def age(streak: Sequence[Report]) -> timedelta:
    return streak[-1].ended_at - streak[0].ended_at


@given(history=histories, cut=st.integers(0, 120))
def test_one_batch_of_attempts_says_the_same_as_two(
    history: Sequence[tuple[Verdict, float, int | None, float]], cut: int
) -> None:
    found = reports(history)
    whole, news = observe(FRESH, found)
    first, earlier = observe(FRESH, found[:cut])
    second, later = observe(first, found[cut:])
    assert second == whole
    assert (*earlier, *later) == news


@given(history=histories)
def test_a_success_of_a_probe_leaves_nothing_behind(
    history: Sequence[tuple[Verdict, float, int | None, float]],
) -> None:
    found = reports(history)
    health, _ = observe(FRESH, found)
    late = (found[-1].ended_at if found else NOW) + timedelta(days=2)
    well, _ = observe(health, [Report(Verdict.DELIVERED, late, late)])
    assert well.clean
    assert well.state(late) is EndpointState.HEALTHY
    assert replace(well, stale=False, blocked_until=None, paused_until=None) == Health(
        last_success_at=late
    )
