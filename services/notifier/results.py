"""What an outcome means for a delivery: done, once more and when, or the end. Pure."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import fields, replace
from datetime import datetime
from random import Random
from typing import Any, assert_never, get_args

from services.notifier.channels.base import (
    Delivered,
    NotWanted,
    Outcome,
    PermanentFailure,
    Postponed,
    TemporaryFailure,
    Unknown,
)
from services.notifier.health import Report, Verdict
from services.notifier.job import Job
from services.notifier.repository import Finished
from services.notifier.schedule import next_attempt
from shared.domain.delivery import BULK_RANK, HELD_RANK, REPLAY_RANK, RETRY_RANK
from shared.domain.ids import Prefix, new_id
from shared.domain.subscription import Ordering
from shared.domain.work import WorkState

MAX_DETAIL_CHARS = 500
MAX_BODY_CHARS = 4096

_NAMES = {kind: tuple(each.name for each in fields(kind)) for kind in get_args(Outcome)}


class Results:
    """Turns outcomes into rows, by the retry schedule of a channel."""

    def __init__(self, delays_s: Sequence[int], rng: Random) -> None:
        self._delays_s = delays_s
        self._rng = rng

    def finished(self, ended: Sequence[tuple[Job, Outcome]], now: datetime) -> Finished:
        """Return all that is to be recorded of jobs that ended, in the order in which they did."""
        rows = [self.row(job, outcome, now) for job, outcome in ended]
        reports: dict[str, list[Report]] = defaultdict(list)
        for job, outcome in ended:
            if job.endpoint is not None:
                reports[job.receiver].append(report(job, outcome, now))
        return Finished(
            now=now,
            deliveries=[row["values"] for row in rows],
            attempts=[
                self.attempt(job, outcome, now)
                for job, outcome in ended
                if not isinstance(outcome, Postponed)
            ],
            followers=[
                {**row["place"], "due": row["values"]["available_at"]}
                for row in rows
                if row["moves_followers"]
            ],
            reports=reports,
            gone={
                job.receiver: _told(outcome)
                for job, outcome in ended
                if isinstance(outcome, Delivered | PermanentFailure) and outcome.gone
            },
            jobs={job.receiver: job for job, _ in ended},
        )

    def row(self, job: Job, outcome: Outcome, now: datetime) -> dict[str, Any]:
        """Return what becomes of a delivery.

        `values` are its new columns, the same for every row; `place` is where it stands among the
        events of its ticket, and `moves_followers` says that those behind it get its due time.
        """
        state, available_at, error = self._fate(job, outcome, now)
        retrying = state is WorkState.READY
        postponed = isinstance(outcome, Postponed)
        values = {
            "id": job.delivery["id"],
            "lease_token": job.token,
            "work_state": state.value,
            "available_at": available_at,
            "attempts": job.attempt - 1 if postponed else job.attempt,
            "rank": _rank(job, outcome, retrying=retrying),
            "last_error": error,
            # An attempt that was none decides nothing about the one that may have got through.
            "data_started_at": job.delivery["data_started_at"] if _untried(outcome) else None,
            "finished_at": None if retrying else now,
        }
        place = {name: job.delivery[name] for name in ("ticket_id", "receiver", "sequence")}
        ordered = job.endpoint is None or job.endpoint["ordering"] is not Ordering.NONE
        replayed = job.delivery["rank"] >= REPLAY_RANK
        # What is held holds up nothing, so nothing gets its time: not when it is tried again, nor
        # when it ends.
        held = values["rank"] == HELD_RANK
        moves_followers = ordered and not held and not replayed and (retrying or job.attempt > 1)
        return {"values": values, "place": place, "moves_followers": moves_followers}

    def attempt(self, job: Job, outcome: Outcome, now: datetime) -> dict[str, Any]:
        """Return the row of this attempt."""
        return {
            "id": new_id(Prefix.ATTEMPT),
            "delivery_id": job.delivery["id"],
            "number": job.attempt,
            "finished_at": now,
            "duration_ms": outcome.duration_ms,
            "outcome": type(outcome).__name__,
            "status": outcome.status,
            "detail": _told(outcome)[:MAX_DETAIL_CHARS],
            "operator_detail": _operator_detail(outcome),
            "response_body": (outcome.response_body or "")[:MAX_BODY_CHARS],
        }

    def crash(self, error: Exception) -> Outcome:
        """Return what an exception of our own counts as."""
        return TemporaryFailure(f"internal error: {type(error).__name__}", ours=True)

    def _fate(
        self, job: Job, outcome: Outcome, now: datetime
    ) -> tuple[WorkState, datetime, str | None]:
        match outcome:
            case Delivered():
                return WorkState.DONE, now, None
            case Unknown(resend=True):
                again = next_attempt(1, now, None, self._rng, self._delays_s)
                return WorkState.READY, again or now, outcome.reason
            case Unknown():
                return WorkState.UNKNOWN, now, outcome.reason
            case NotWanted():
                return WorkState.CANCELLED, now, outcome.reason
            case Postponed():
                return WorkState.READY, outcome.until, outcome.reason
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


def report(job: Job, outcome: Outcome, now: datetime) -> Report:
    """Return what an outcome says about the endpoint as a whole."""
    wait_s = outcome.retry_after_s if isinstance(outcome, TemporaryFailure) else None
    return Report(verdict(outcome), job.leased_at, now, _told(outcome), wait_s)


def verdict(outcome: Outcome) -> Verdict:
    """Classify an outcome.

    Whoever answers 408 or 425 would have taken the event at another moment. A receiver that
    declines one message by name, or asks to be told no more, is well.
    """
    match outcome:
        case Delivered() | PermanentFailure():
            return Verdict.DELIVERED
        case TemporaryFailure(ours=True) | Unknown() | NotWanted() | Postponed():
            return Verdict.NOTHING
        case TemporaryFailure(status=429):
            return Verdict.THROTTLED
        case TemporaryFailure(status=status) if status and 400 <= status < 500:
            return Verdict.FAILED if status in (408, 425) else Verdict.REFUSED
        case _:
            return Verdict.FAILED


def _told(outcome: Outcome) -> str:
    return outcome.detail if isinstance(outcome, Delivered) else outcome.reason


def _operator_detail(outcome: Outcome) -> str | None:
    found = outcome.operator_detail if isinstance(outcome, TemporaryFailure) else None
    return None if found is None else found[:MAX_DETAIL_CHARS]


def _rank(job: Job, outcome: Outcome, *, retrying: bool) -> int:
    """Retries go behind first attempts, and neither ever gets ahead of its lane."""
    rank = int(job.delivery["rank"])
    if isinstance(outcome, Postponed):
        return HELD_RANK if outcome.held else rank
    return RETRY_RANK if retrying and rank < BULK_RANK else rank


def _untried(outcome: Outcome) -> bool:
    return isinstance(outcome, Postponed) or (
        isinstance(outcome, TemporaryFailure) and outcome.ours
    )


def storable(outcome: Outcome) -> Outcome:
    """Return an outcome whose texts can be stored and logged, whatever the other side said.

    Libraries pass bytes that are no UTF-8 on as lone surrogates, and PostgreSQL keeps no NUL. A
    result that cannot be recorded would be sent for ever.
    """
    unfit: dict[str, Any] = {
        name: _plain(said)
        for name in _NAMES[type(outcome)]
        if isinstance(said := getattr(outcome, name), str) and not _fits(said)
    }
    return replace(outcome, **unfit) if unfit else outcome


def _fits(text: str) -> bool:
    return text.isascii() and "\x00" not in text


def _plain(text: str) -> str:
    encoded = text.encode("utf-8", "surrogatepass")
    return encoded.decode("utf-8", "replace").replace("\x00", "\ufffd")
