"""How addresses get blocked and are forgiven by time."""

from datetime import timedelta

from shared.domain.suppression import BLOCKED, MAX_STRIKES, STRIKES_KEPT, SuppressionReason, blamed
from tests.factories import NOW

HARD, SOFT = SuppressionReason.HARD_BOUNCE, SuppressionReason.SOFT_BOUNCES
COMPLAINT = SuppressionReason.COMPLAINT
LATER = NOW + timedelta(days=1)


def test_an_address_that_does_not_exist_is_blocked_for_a_time() -> None:
    found = blamed(None, HARD, NOW)
    assert found.holds(NOW)
    assert found.holds(NOW + BLOCKED - timedelta(seconds=1))
    assert not found.holds(NOW + BLOCKED)


def test_a_complaint_is_for_good_and_no_bounce_weakens_it() -> None:
    found = blamed(blamed(None, HARD, NOW), COMPLAINT, LATER)
    assert found.until is None
    for reason in (HARD, SOFT, COMPLAINT):
        assert blamed(found, reason, LATER + BLOCKED) == found


def test_passing_faults_count_and_the_third_blocks() -> None:
    found = None
    for strike in range(1, MAX_STRIKES + 1):
        found = blamed(found, SOFT, NOW + timedelta(days=strike))
        assert found.strikes == strike
        assert found.holds(NOW + timedelta(days=strike, hours=1)) == (strike == MAX_STRIKES)


def test_old_strikes_are_forgotten() -> None:
    found = blamed(blamed(None, SOFT, NOW), SOFT, NOW + STRIKES_KEPT)
    assert found.strikes == 1


def test_a_strike_does_not_shorten_a_block() -> None:
    found = blamed(None, HARD, NOW)
    assert blamed(found, SOFT, LATER) == found
