"""Bodies become jobs: stored chunk by chunk as they come, and handled once they are whole.

In the database and not in a file, because the process that handles a chunk need not run on the
machine that received it. A body that breaks off leaves its chunks: sent again under the same
Idempotency-Key it goes on where it broke. What is refused is deleted, and has changed nothing.
"""

import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import insert
from sqlalchemy.exc import IntegrityError

from services.intake.bulk import repository
from services.intake.bulk.chunks import Chunk
from services.intake.bulk.store import Order
from shared.db.engine import Database, Row, Transaction
from shared.domain.bulk import BulkLimits
from shared.domain.clock import Clock
from shared.domain.errors import Conflict, IdempotencyMismatch, TooLarge
from shared.domain.ids import Prefix, new_id
from shared.domain.ticket import Lane
from shared.domain.work import WorkState
from shared.failpoints import failpoint

#: Fast, and lines repeat each other enough for it.
PACKED = 1


@dataclass(frozen=True, slots=True)
class Received:
    """A job whose body is whole; `replayed` if it was before this request."""

    job_id: str
    replayed: bool


@dataclass(frozen=True, slots=True)
class BulkBody:
    """A body to come: its order, lane, Idempotency-Key, and the number of its first line."""

    order: Order
    lane: Lane
    key: str | None
    from_line: int


class Receiving:
    """Receives the bodies of jobs."""

    def __init__(self, database: Database, clock: Clock, limits: BulkLimits) -> None:
        self._database = database
        self._clock = clock
        self._limits = limits

    def receive(self, body: BulkBody, chunks: Iterable[Chunk]) -> Received:
        """Store a body; returns when all of it is committed.

        Raises IdempotencyMismatch if the key began with another body or other options, Conflict if
        another request is sending it or lines are missing, and what `chunks` raises.
        """
        job, stored = self._open(body)
        failpoint("bulk.opened")
        over = job["received_at"] is not None or job["cancelled_at"] is not None
        try:
            seen = self._take(body, job, stored, chunks, over=over)
            _require_whole(seen, _last_line(stored, body.from_line), body.from_line, over=over)
            if not over:
                with self._database.transaction() as tx:
                    repository.complete(tx, job["id"], self._clock.now())
                failpoint("bulk.completed")
        except BaseException as error:
            # Nobody can go on with a job without a key, and one that is too large never ends.
            if not stored and (body.key is None or isinstance(error, TooLarge)):
                with self._database.transaction() as tx:
                    repository.forget(tx, job["id"])
            raise
        return Received(job["id"], replayed=over)

    def _open(self, body: BulkBody) -> tuple[Row, Sequence[Row]]:
        """Return the job, made now or by an earlier request, and what is stored of its body."""
        with self._database.transaction() as tx:
            if body.key is not None:
                job = repository.job_by_key(tx, body.order.api_key_id, body.key)
                if job is not None:
                    _require_same(job, body)
                    return job, repository.received(tx, job["id"])
            return self._new(tx, body), ()

    def _new(self, tx: Transaction, body: BulkBody) -> Row:
        now, order = self._clock.now(), body.order
        row = {
            "id": new_id(Prefix.JOB),
            "api_key_id": order.api_key_id,
            "key": body.key,
            "actor": order.actor,
            "correlation_id": order.correlation_id,
            "mode": order.mode,
            "lane": body.lane,
            "dry_run": order.dry_run,
            "created_at": now,
            "received_at": None,
            "cancelled_at": None,
            "expires_at": now + self._limits.kept,
        }
        try:
            tx.execute(insert(repository.JOBS).values(**row))
        except IntegrityError as error:
            raise _in_flight() from error
        return row

    def _take(
        self,
        body: BulkBody,
        job: Row,
        stored: Sequence[Row],
        chunks: Iterable[Chunk],
        *,
        over: bool,
    ) -> int:
        """Store the chunks that are new; return the number of the last line that came."""
        last, known = (
            _last_line(stored, body.from_line),
            {each["first_line"]: each for each in stored},
        )
        ordinal, seen = len(stored), body.from_line - 1
        if body.from_line > last + 1:
            message = f"The lines {last + 1} to {body.from_line - 1} of this body did not come yet."
            raise Conflict(message, lines_received=last)
        for chunk in chunks:
            seen = chunk.last_line
            earlier = known.get(chunk.first_line)
            if earlier is not None and chunk.last_line == chunk.first_line + earlier["lines"] - 1:
                if chunk.digest != earlier["digest"]:
                    raise _another_body()
                continue
            if earlier is not None and body.from_line == 1:
                # The chunks of one body end at the same lines each time.
                raise _another_body()
            if over or chunk.last_line <= last:
                continue
            skipped = max(0, last + 1 - chunk.first_line)
            self._keep(job, ordinal, Chunk(chunk.first_line + skipped, chunk.lines[skipped:]))
            ordinal += 1
        return seen

    def _keep(self, job: Row, ordinal: int, chunk: Chunk) -> None:
        row: dict[str, Any] = {
            "id": new_id(Prefix.BULK_CHUNK),
            "job_id": job["id"],
            "ordinal": ordinal,
            "first_line": chunk.first_line,
            "lines": len(chunk.lines),
            "digest": chunk.digest,
            "body": zlib.compress(chunk.body, PACKED),
            "results": None,
            "created": 0,
            "known": 0,
            "refused": 0,
            "finished_at": None,
            "work_state": WorkState.WAITING,
            "available_at": self._clock.now(),
            "attempts": 0,
            "last_error": None,
        }
        try:
            with self._database.transaction() as tx:
                tx.execute(insert(repository.CHUNKS).values(**row))
        except IntegrityError as error:
            raise _in_flight() from error
        failpoint("bulk.received")


def _last_line(stored: Sequence[Row], from_line: int) -> int:
    if not stored:
        return from_line - 1
    return int(stored[-1]["first_line"] + stored[-1]["lines"] - 1)


def _require_same(job: Row, body: BulkBody) -> None:
    asked = (body.order.mode, body.lane, body.order.dry_run)
    if (job["mode"], job["lane"], job["dry_run"]) != asked:
        message = "This Idempotency-Key began a job with other options; use a new one."
        raise IdempotencyMismatch(message, job_id=job["id"])


def _require_whole(seen: int, stored: int, from_line: int, *, over: bool) -> None:
    """Raise IdempotencyMismatch if a body is longer or shorter than the one that came before."""
    if (over and seen > stored) or (from_line == 1 and seen < stored):
        raise _another_body()


def _another_body() -> IdempotencyMismatch:
    return IdempotencyMismatch("This Idempotency-Key began with another body; use a new one.")


def _in_flight() -> Conflict:
    return Conflict("Another request is sending this body under the same Idempotency-Key; wait.")
