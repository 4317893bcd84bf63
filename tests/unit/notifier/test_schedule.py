"""The retry schedule: bounds of chance, floors, and its end."""

from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notifier.schedule import (
    EMAIL_DELAYS_S,
    MAX_JITTER,
    WEBHOOK_DELAYS_S,
    next_attempt,
)

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
SCHEDULES = pytest.mark.parametrize("delays_s", [WEBHOOK_DELAYS_S, EMAIL_DELAYS_S])


@SCHEDULES
def test_the_first_attempt_is_due_at_once(delays_s: tuple[int, ...]) -> None:
    assert next_attempt(0, NOW, None, Random(1), delays_s) == NOW


@SCHEDULES
def test_the_schedule_ends_after_its_last_delay(delays_s: tuple[int, ...]) -> None:
    assert next_attempt(len(delays_s) - 1, NOW, None, Random(1), delays_s) is not None
    assert next_attempt(len(delays_s), NOW, None, Random(1), delays_s) is None
    assert next_attempt(len(delays_s), NOW, 60, Random(1), delays_s) is None


def test_webhooks_are_tried_11_times_over_three_days() -> None:
    assert len(WEBHOOK_DELAYS_S) == 11
    assert timedelta(hours=75) < timedelta(seconds=sum(WEBHOOK_DELAYS_S)) < timedelta(hours=76)


def test_mails_are_tried_for_no_longer_than_two_days() -> None:
    assert EMAIL_DELAYS_S[1:5] == (60, 300, 900, 3600)
    assert timedelta(hours=40) < timedelta(seconds=sum(EMAIL_DELAYS_S)) <= timedelta(hours=48)


@given(attempts=st.integers(0, len(WEBHOOK_DELAYS_S) - 1), seed=st.integers())
def test_chance_adds_up_to_a_fifth_and_takes_nothing_away(attempts: int, seed: int) -> None:
    due = next_attempt(attempts, NOW, None, Random(seed))
    assert due is not None
    delay_s = WEBHOOK_DELAYS_S[attempts]
    assert delay_s <= (due - NOW).total_seconds() <= delay_s * (1 + MAX_JITTER)


@given(
    attempts=st.integers(0, len(WEBHOOK_DELAYS_S) - 1),
    seed=st.integers(),
    asked_s=st.integers(1, 24 * 3600),
)
def test_nobody_is_called_earlier_than_they_asked(attempts: int, seed: int, asked_s: int) -> None:
    plain = next_attempt(attempts, NOW, None, Random(seed))
    due = next_attempt(attempts, NOW, asked_s, Random(seed))
    assert plain is not None
    assert due == max(plain, NOW + timedelta(seconds=asked_s))


@pytest.mark.parametrize(("asked_s", "granted_s"), [(-5, 1), (0, 1), (10**10, 24 * 3600)])
def test_an_unreasonable_wait_is_brought_into_bounds(asked_s: int, granted_s: int) -> None:
    assert next_attempt(0, NOW, asked_s, Random(1)) == NOW + timedelta(seconds=granted_s)


def test_the_same_source_of_chance_gives_the_same_time() -> None:
    assert next_attempt(4, NOW, None, Random(7)) == next_attempt(4, NOW, None, Random(7))
