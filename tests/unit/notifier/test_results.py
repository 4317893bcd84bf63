"""What an outcome means for a delivery."""

from datetime import timedelta
from random import Random
from typing import Any

import pytest

from services.notifier.channels.base import (
    Delivered,
    Outcome,
    PermanentFailure,
    Postponed,
    TemporaryFailure,
    Unknown,
)
from services.notifier.job import Job
from services.notifier.results import MAX_BODY_CHARS, MAX_DETAIL_CHARS, Results, storable
from services.notifier.schedule import WEBHOOK_DELAYS_S
from shared.domain.delivery import BULK_RANK, FIRST_ATTEMPT_RANK, RETRY_RANK
from tests.factories import NOW, delivery

LAST = len(WEBHOOK_DELAYS_S)


def job(attempts: int = 0, **changed: Any) -> Job:
    """A job for the attempt after so many."""
    return Job(delivery(attempts=attempts, **changed), "token", "{}", NOW)


def row(outcome: Outcome, attempts: int = 0, **changed: Any) -> dict[str, Any]:
    found = Results(WEBHOOK_DELAYS_S, Random(1)).row(job(attempts, **changed), outcome, NOW)
    return dict(found["values"])


def test_what_is_not_tried_decides_nothing_about_an_earlier_attempt() -> None:
    for outcome in (Postponed(NOW, "rests"), TemporaryFailure("internal error", ours=True)):
        assert row(outcome, data_started_at=NOW)["data_started_at"] == NOW
    for decided in (Delivered(250, "ok"), TemporaryFailure("450 busy"), Unknown("no reply")):
        assert row(decided, data_started_at=NOW)["data_started_at"] is None


def test_whatever_the_other_side_says_can_be_stored() -> None:
    said = b"caf\xe9 \x00".decode("utf-8", "surrogateescape") + "\ud800"
    for outcome in (
        Delivered(250, said),
        TemporaryFailure(said, response_body=said, operator_detail=said),
        PermanentFailure(said),
        Unknown(said),
    ):
        attempt = Results(WEBHOOK_DELAYS_S, Random(1)).attempt(job(), storable(outcome), NOW)
        kept = [text for text in attempt.values() if isinstance(text, str)]
        assert "caf" in attempt["detail"]
        assert not [text for text in kept if "\x00" in text or not text.isprintable()]
        "".join(kept).encode()


@pytest.mark.parametrize(
    ("outcome", "attempts", "state"),
    [
        (Delivered(200, "HTTP 200"), 0, "done"),
        (Delivered(204, "HTTP 204"), LAST - 1, "done"),
        (TemporaryFailure("HTTP 500"), 0, "ready"),
        (TemporaryFailure("HTTP 500"), LAST - 2, "ready"),
        (TemporaryFailure("HTTP 500"), LAST - 1, "dead"),
        (PermanentFailure("HTTP 410", gone=True), 0, "dead"),
        (Unknown("no reply"), 0, "unknown"),
    ],
)
def test_the_type_of_the_outcome_decides(outcome: Outcome, attempts: int, state: str) -> None:
    found = row(outcome, attempts)
    assert found["work_state"] == state
    assert (found["finished_at"] is None) == (state == "ready")
    assert (found["last_error"] is None) == (state == "done")
    assert found["lease_token"] == "token"


def test_a_retry_waits_by_the_schedule_and_goes_behind_first_attempts() -> None:
    found = row(TemporaryFailure("HTTP 500"), 2)
    delay_s = WEBHOOK_DELAYS_S[3]
    wait = found["available_at"] - NOW
    assert timedelta(seconds=delay_s) <= wait <= timedelta(seconds=delay_s * 1.2)
    assert found["rank"] == RETRY_RANK


@pytest.mark.parametrize("rank", [FIRST_ATTEMPT_RANK, RETRY_RANK, BULK_RANK])
def test_no_retry_gets_ahead_of_its_lane(rank: int) -> None:
    found = row(TemporaryFailure("HTTP 500"), rank=rank)
    assert found["rank"] == max(rank, RETRY_RANK)


def test_every_outcome_gives_the_same_columns() -> None:
    outcomes = (Delivered(200, ""), TemporaryFailure("x"), PermanentFailure("x"), Unknown("x"))
    assert len({tuple(row(outcome)) for outcome in outcomes}) == 1


def test_what_an_attempt_keeps_is_bounded_and_can_be_stored() -> None:
    outcome = TemporaryFailure("r\x00" + "x" * 10_000, 500, None, 12, "b\x00" + "y" * 100_000)
    attempt = Results(WEBHOOK_DELAYS_S, Random(1)).attempt(job(3), storable(outcome), NOW)
    assert attempt["number"] == 4
    assert (attempt["status"], attempt["duration_ms"]) == (500, 12)
    assert attempt["outcome"] == "TemporaryFailure"
    assert len(attempt["detail"]) == MAX_DETAIL_CHARS
    assert len(attempt["response_body"]) == MAX_BODY_CHARS
    assert "\x00" not in attempt["detail"] + attempt["response_body"]


def test_a_fault_of_our_own_counts_as_temporary_and_names_no_secret() -> None:
    outcome = Results(WEBHOOK_DELAYS_S, Random(1)).crash(ValueError("whsec_secret"))
    assert isinstance(outcome, TemporaryFailure)
    assert "whsec_secret" not in outcome.reason
