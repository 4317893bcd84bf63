"""What an outcome means for a delivery: done, once more and when, or the end. Pure."""

from collections.abc import Sequence
from datetime import datetime
from random import Random
from typing import Any, assert_never

from services.notifier.channels.base import (
    Delivered,
    Outcome,
    PermanentFailure,
    TemporaryFailure,
    Unknown,
)
from services.notifier.repository import Job
from services.notifier.schedule import next_attempt
from shared.domain.delivery import BULK_RANK, REPLAY_RANK, RETRY_RANK
from shared.domain.ids import Prefix, new_id
from shared.domain.work import WorkState

MAX_DETAIL_CHARS = 500
MAX_BODY_CHARS = 4096


class Results:
    """Turns outcomes into rows, by the retry schedule of a channel."""

    def __init__(self, delays_s: Sequence[int], rng: Random) -> None:
        self._delays_s = delays_s
        self._rng = rng

    def row(self, job: Job, outcome: Outcome, now: datetime) -> dict[str, Any]:
        """Return what becomes of a delivery.

        `values` are its new columns, the same for every row; `place` is where it stands among the
        events of its ticket, and `moves_followers` says that those behind it get its due time.
        """
        state, available_at, error = self._fate(job, outcome, now)
        retrying = state is WorkState.READY
        rank = job.delivery["rank"]
        values = {
            "id": job.delivery["id"],
            "lease_token": job.token,
            "work_state": state.value,
            "available_at": available_at,
            # Retries go behind first attempts, and neither ever gets ahead of its lane.
            "rank": RETRY_RANK if retrying and rank < BULK_RANK else rank,
            "last_error": error,
            "data_started_at": None,
            "finished_at": None if retrying else now,
        }
        place = {name: job.delivery[name] for name in ("ticket_id", "receiver", "sequence")}
        moves_followers = (retrying or job.attempt > 1) and rank < REPLAY_RANK
        return {"values": values, "place": place, "moves_followers": moves_followers}

    def attempt(self, job: Job, outcome: Outcome, now: datetime) -> dict[str, Any]:
        """Return the row of this attempt."""
        detail = outcome.detail if isinstance(outcome, Delivered) else outcome.reason
        return {
            "id": new_id(Prefix.ATTEMPT),
            "delivery_id": job.delivery["id"],
            "number": job.attempt,
            "finished_at": now,
            "duration_ms": outcome.duration_ms,
            "outcome": type(outcome).__name__,
            "status": outcome.status,
            "detail": _clean(detail, MAX_DETAIL_CHARS),
            "response_body": _clean(outcome.response_body or "", MAX_BODY_CHARS),
        }

    def crash(self, error: Exception) -> Outcome:
        """Return what an exception of our own counts as."""
        return TemporaryFailure(f"internal error: {type(error).__name__}")

    def _fate(
        self, job: Job, outcome: Outcome, now: datetime
    ) -> tuple[WorkState, datetime, str | None]:
        match outcome:
            case Delivered():
                return WorkState.DONE, now, None
            case Unknown():
                return WorkState.UNKNOWN, now, outcome.reason
            case PermanentFailure():
                return WorkState.DEAD, now, outcome.reason
            case TemporaryFailure():
                again = next_attempt(
                    job.attempt, now, outcome.retry_after_s, self._rng, self._delays_s
                )
                if again is None:
                    return WorkState.DEAD, now, outcome.reason
                return WorkState.READY, again, outcome.reason
            case _:
                assert_never(outcome)


def _clean(text: str, limit: int) -> str:
    """Cut, and take out what PostgreSQL cannot keep in text."""
    return text[:limit].replace("\x00", "\ufffd")
