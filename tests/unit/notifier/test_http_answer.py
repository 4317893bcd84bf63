"""What each status and header of an answer means, and what it says about the endpoint."""

from datetime import timedelta

import pytest

from services.notifier.channels.base import Delivered, Outcome, PermanentFailure, TemporaryFailure
from services.notifier.channels.http_answer import KEPT_BODY_BYTES, outcome_of
from services.notifier.health import Verdict
from services.notifier.results import verdict
from tests.factories import NOW


def answered(status: int, body: bytes = b"", **headers: str) -> Outcome:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return outcome_of(status, named, body, 5, NOW)


def expected(status: int) -> tuple[type[Outcome], Verdict]:
    """The table of docs/webhooks.md."""
    if 200 <= status < 300:
        return Delivered, Verdict.DELIVERED
    if status == 410:
        return PermanentFailure, Verdict.DELIVERED
    if status == 429:
        return TemporaryFailure, Verdict.THROTTLED
    if 400 <= status < 500 and status not in (408, 425):
        return TemporaryFailure, Verdict.REFUSED
    return TemporaryFailure, Verdict.FAILED


@pytest.mark.parametrize("status", [*range(100, 600), 600, 777, 999])
def test_every_status_has_its_class(status: int) -> None:
    outcome = answered(status, b"why")
    assert (type(outcome), verdict(outcome)) == expected(status)
    assert (outcome.status, outcome.response_body) == (status, "why")


@pytest.mark.parametrize(
    ("status", "order", "kind", "gone"),
    [
        (200, "disable", Delivered, True),
        (204, "abort-message", Delivered, False),
        (500, "disable", PermanentFailure, True),
        (404, "Disable ", PermanentFailure, True),
        (429, "disable", PermanentFailure, True),
        (500, "abort-message", PermanentFailure, False),
        (301, "ABORT-MESSAGE", PermanentFailure, False),
        (500, "", TemporaryFailure, None),
        (500, "disabled", TemporaryFailure, None),
        (500, "abort", TemporaryFailure, None),
        (410, "abort-message", PermanentFailure, True),
    ],
)
def test_a_receiver_may_say_what_is_to_become_of_it(
    status: int, order: str, kind: type[Outcome], gone: object
) -> None:
    outcome = answered(status, webhook_delivery=order)
    assert type(outcome) is kind
    assert getattr(outcome, "gone", None) is gone


def test_who_declines_one_message_by_name_is_well() -> None:
    assert verdict(answered(500, webhook_delivery="abort-message")) is Verdict.DELIVERED


@pytest.mark.parametrize("status", [200, 301, 400, 408, 500, 502, 504])
def test_only_429_and_503_may_ask_for_time(status: int) -> None:
    assert getattr(answered(status, Retry_After="60"), "retry_after_s", None) is None


@pytest.mark.parametrize(
    ("value", "wait_s"),
    [
        ("0", 0),
        (" 7 ", 7),
        ("007", 7),
        ("9999999999", 9_999_999_999),
        ("99999999999", None),
        ("1.5", None),
        ("+5", None),
        ("0x10", None),
        ("", None),
        ("٣", None),
        ("Sun, 01 Mar 2026 12:00:10 GMT", 10),
        ("Sunday, 01-Mar-26 12:00:10 GMT", 10),
        ("Sun Mar  1 12:00:10 2026", 10),
        ("Sun, 01 Mar 2026 11:00:00 GMT", 0),
        ("Fri, 31 Feb 2026 12:00:00 GMT", None),
        ("Sun, 01 Mar 99999 12:00:00 GMT", None),
        (f"Sun, 01 Mar {'9' * 30} 12:00:00 GMT", None),
        (f"Sun, 01 Mar 2026 12:00:00 +{'9' * 30}", None),
        ("2026-03-01T12:00:10Z", None),
        ("soon", None),
    ],
)
def test_the_wait_is_read_as_the_rfc_has_it(value: str, wait_s: int | None) -> None:
    outcome = answered(503, Retry_After=value)
    assert isinstance(outcome, TemporaryFailure)
    assert outcome.retry_after_s == wait_s


@pytest.mark.parametrize(
    ("body", "kept"),
    [
        (b"", None),
        (b"a\x00b", "a\ufffdb"),
        (b"\xff\xfe", "\ufffd\ufffd"),
        (b"x" * 100_000, "x" * KEPT_BODY_BYTES),
        ("ж".encode() * 3000, "ж" * (KEPT_BODY_BYTES // 2)),
    ],
    ids=["nothing", "NUL", "no text", "long", "two bytes a letter"],
)
def test_what_is_kept_of_a_body_can_be_stored(body: bytes, kept: str | None) -> None:
    assert answered(500, body).response_body == kept


def test_where_a_redirect_leads_is_told_and_bounded() -> None:
    outcome = answered(302, Location="https://elsewhere.example/" + "a" * 5000)
    assert isinstance(outcome, TemporaryFailure)
    assert "https://elsewhere.example/aaa" in outcome.reason
    assert len(outcome.reason) < 400


def test_a_date_a_little_ahead_is_rounded_up() -> None:
    later = NOW + timedelta(seconds=30)
    value = later.strftime("%a, %d %b %Y %H:%M:%S GMT")
    outcome = outcome_of(429, {"Retry-After": value}, b"", 5, NOW)
    assert isinstance(outcome, TemporaryFailure)
    assert outcome.retry_after_s == 30
