"""Whether a mail goes now, later or never: caps against loops, blocks, wishes, pace, pauses."""

from datetime import datetime, time, timedelta
from typing import Any

import pytest

from services.notifier.channels.base import NotWanted, Postponed
from services.notifier.mail.domain_rate import DomainRate
from services.notifier.mail.gate import Known, refusal
from services.notifier.mail.loop_caps import PER_RECIPIENT, PER_TICKET, Sent, before, over_cap
from services.notifier.mail.pause import RESTS_S, ChannelPause
from shared.domain.delivery import AGENT_MAILS, HELD_RANK, URGENT_MAILS, WRITTEN_MAILS, MailKind
from shared.domain.mail_preferences import Digest, Preferences
from shared.domain.suppression import SuppressionReason, blamed
from tests.factories import NOW

DELIVERY: dict[str, Any] = {"ticket_id": "tkt_1", "rank": 0}
HELD = {**DELIVERY, "rank": HELD_RANK}
KIND = MailKind.TICKET_ASSIGNED
# NOW is 12:00 UTC or another hour: these are around it.
QUIET = Preferences(quiet=((NOW - timedelta(hours=1)).time(), (NOW + timedelta(hours=1)).time()))


def sent(count: int, about: str = "tkt_1", minutes_ago: float = 1) -> list[tuple[datetime, str]]:
    return [(NOW - timedelta(minutes=minutes_ago), about)] * count


def test_a_mail_that_nothing_speaks_against_is_sent() -> None:
    assert refusal(KIND, DELIVERY, Known(), NOW) is None


@pytest.mark.parametrize(("minutes", "most"), PER_TICKET)
def test_a_ticket_sends_somebody_so_many_mails_and_no_more(minutes: int, most: int) -> None:
    inside = sent(most, minutes_ago=minutes - 0.1)
    shorter = [limit for span, limit in PER_TICKET if span < minutes]
    assert over_cap("tkt_1", inside, NOW) is not None
    assert over_cap("tkt_1", inside[1:], NOW) is None
    assert over_cap("tkt_1", sent(most, minutes_ago=minutes + 0.1), NOW) is None or shorter
    assert "loop" in str(over_cap("tkt_1", inside, NOW))


@pytest.mark.parametrize(("minutes", "most"), PER_RECIPIENT)
def test_somebody_gets_so_many_mails_about_anything_and_no_more(minutes: int, most: int) -> None:
    inside = [(at, f"tkt_{n}") for n, (at, _) in enumerate(sent(most, minutes_ago=minutes - 0.1))]
    assert over_cap("tkt_other", inside, NOW) is not None
    assert over_cap("tkt_other", inside[1:], NOW) is None


def test_of_many_mails_at_once_as_many_pass_as_may() -> None:
    most = PER_RECIPIENT[0][1]
    under_way = [Sent(None, f"tkt_{n}", f"dlv_{n:02}") for n in range(most + 5)]
    done = [Sent(NOW, "tkt_0", "dlv_99")]
    passed = [
        each
        for each in under_way
        if not over_cap(each.ticket_id, before([*done, *under_way], each.delivery_id, NOW), NOW)
    ]
    assert passed == under_way[: most - 1]


@pytest.mark.parametrize("kind", list(MailKind))
def test_what_a_person_wrote_and_what_goes_to_agents_is_never_taken_for_a_loop(
    kind: MailKind,
) -> None:
    found = refusal(kind, DELIVERY, Known(sent=sent(300)), NOW)
    assert (found is None) == (kind in WRITTEN_MAILS | AGENT_MAILS)


@pytest.mark.parametrize("kind", list(MailKind))
@pytest.mark.parametrize("reason", list(SuppressionReason))
def test_nothing_is_sent_to_an_address_that_is_blocked(
    kind: MailKind, reason: SuppressionReason
) -> None:
    blame = None
    for _ in range(3):
        blame = blamed(blame, reason, NOW)
    found = refusal(kind, DELIVERY, Known(blame=blame), NOW)
    assert isinstance(found, NotWanted)
    assert reason.value in found.reason


def test_who_switched_a_kind_off_gets_the_others() -> None:
    known = Known(preferences=Preferences(frozenset({KIND})))
    assert isinstance(refusal(KIND, DELIVERY, known, NOW), NotWanted)
    assert refusal(MailKind.ANSWER_ARRIVED, DELIVERY, known, NOW) is None


@pytest.mark.parametrize("kind", list(MailKind))
def test_quiet_hours_hold_what_can_wait(kind: MailKind) -> None:
    found = refusal(kind, DELIVERY, Known(preferences=QUIET), NOW)
    if kind in URGENT_MAILS:
        assert found is None
        return
    assert isinstance(found, Postponed)
    assert found.held
    assert found.until == NOW + timedelta(hours=1)


@pytest.mark.parametrize("kind", list(MailKind))
def test_a_digest_holds_what_can_wait_once(kind: MailKind) -> None:
    known = Known(preferences=Preferences(digest=Digest.DAILY, digest_at=time(8)))
    found = refusal(kind, DELIVERY, known, NOW)
    assert (found is None) == (kind in URGENT_MAILS)
    assert refusal(kind, HELD, known, NOW) is None


def test_what_a_digest_tells_waits_for_it_and_is_not_told_again() -> None:
    due = NOW + timedelta(hours=2)
    found = refusal(KIND, HELD, Known(told_in=("dlv_1", due)), NOW)
    assert isinstance(found, Postponed)
    assert found.held
    assert found.until > due
    assert isinstance(refusal(KIND, HELD, Known(told_in=("dlv_1", None)), NOW), NotWanted)


def test_a_domain_gets_so_many_mails_a_second_and_the_others_go_one_after_the_other() -> None:
    rate = DomainRate(4)
    waits = [rate.wait(f"dlv_{n}", "a@Example.com", NOW) for n in range(12)]
    assert waits[:4] == [None] * 4
    later = [wait for wait in waits[4:] if wait]
    assert len(later) == 8
    assert later == sorted(set(later))
    assert later[0] > NOW
    assert later[-1] <= NOW + timedelta(seconds=3)
    assert rate.wait("dlv_x", "a@other.example", NOW) is None
    # Each goes when it was promised to, and takes nobody's place.
    assert [rate.wait(f"dlv_{n + 4}", "a@example.com", at) for n, at in enumerate(later)] == [
        None
    ] * 8


def test_without_a_rate_nothing_waits() -> None:
    rate = DomainRate(0)
    assert {rate.wait(f"dlv_{n}", "a@example.com", NOW) for n in range(100)} == {None}


def test_domains_that_are_free_again_are_forgotten() -> None:
    rate = DomainRate(10)
    for n in range(10_001):
        rate.wait(f"dlv_{n}", f"a@d{n}.example", NOW + timedelta(seconds=n))
    assert len(rate._busy_until) < 10_000


def test_mail_rests_longer_each_time_the_server_refuses_us_and_goes_on_at_once() -> None:
    pause, now = ChannelPause(), NOW
    for rest_s in (*RESTS_S, RESTS_S[-1]):
        assert pause.until(now) is None
        until = pause.begin("535 wrong password", now)
        assert until == now + timedelta(seconds=rest_s)
        assert pause.begin("535 wrong password", now) == pause.until(now) == until
        now = until
    pause.end()
    assert pause.until(now) is None
    assert pause.begin("535", now) == now + timedelta(seconds=RESTS_S[0])
