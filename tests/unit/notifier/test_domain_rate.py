"""The pace of mails by domain remembers no more than it has room for."""

from datetime import datetime, timedelta

import pytest

from services.notifier.mail import domain_rate
from services.notifier.mail.domain_rate import PROMISE_KEPT, DomainRate
from tests.factories import NOW

ADDRESS = "mira@example.com"
ROOM = 50


@pytest.fixture
def rate(monkeypatch: pytest.MonkeyPatch) -> DomainRate:
    monkeypatch.setattr(domain_rate, "MAX_PROMISES", ROOM)
    return DomainRate(10)


def test_a_backlog_larger_than_the_room_goes_out_at_its_pace_all_the_same(
    rate: DomainRate,
) -> None:
    waiting = {f"dlv_{n}": NOW for n in range(4 * ROOM)}
    sent: list[datetime] = []
    for tenth in range(40 * ROOM):
        now = NOW + timedelta(seconds=tenth / 10)
        for each in [each for each, at in waiting.items() if at <= now]:
            later = rate.wait(each, ADDRESS, now)
            if later is None:
                del waiting[each]
                sent.append(now)
            else:
                waiting[each] = later
        assert len(rate._promised) <= ROOM
        if not waiting:
            break
    assert len(sent) == 4 * ROOM
    assert sent[-1] - NOW <= timedelta(seconds=4 * ROOM / 10 + 10)
    for at in set(sent):
        assert sum(at <= other < at + timedelta(seconds=1) for other in sent) <= 20


def test_the_times_of_mails_that_never_come_back_are_forgotten(rate: DomainRate) -> None:
    for n in range(ROOM + 10):
        rate.wait(f"dlv_{n}", ADDRESS, NOW)
    assert len(rate._promised) == ROOM
    later = NOW + PROMISE_KEPT + timedelta(seconds=ROOM)
    for n in range(ROOM):
        rate.wait(f"dlv_later_{n}", ADDRESS, later)
    assert all(at > later - PROMISE_KEPT for at in rate._promised.values())
    assert all(each.startswith("dlv_later") for each in rate._promised)
