"""The lines of jobs become tickets: a chunk with its results in one transaction.

A process that is killed in the middle leaves the chunk as it was, and another begins it anew; so
each line is handled once, with a key or without.
"""

import zlib
from collections.abc import Callable, Sequence

from sqlalchemy import select, update

from services.intake.bulk import repository
from services.intake.bulk.chunks import Chunk
from services.intake.bulk.line import Outcome, result
from services.intake.bulk.pacing import Pacing
from services.intake.bulk.reading import LineReader
from services.intake.bulk.receiving import PACKED
from services.intake.bulk.store import LineStore, Order, outcome_counts
from shared.db.batch import run_batch
from shared.db.engine import Database, Row, Transaction
from shared.db.types import dump_json
from shared.db.work_lists import BULK_CHUNKS
from shared.domain.clock import Clock
from shared.domain.work import ListName, WorkState
from shared.failpoints import failpoint

#: One chunk a time: its lines are the batch.
CHUNKS_AT_ONCE = 1


class ProcessChunks:
    """Handles one chunk of a job."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        ring: Callable[[ListName], None],
        reader: LineReader,
        store: LineStore,
        pacing: Pacing,
    ) -> None:
        self._database = database
        self._clock = clock
        self._ring = ring
        self._reader = reader
        self._store = store
        self._pacing = pacing

    def __call__(self) -> int:
        """Handle the next chunk, if there is one; return how many were handled."""
        return self._pacing(self._next)

    def _next(self) -> int:
        count = run_batch(self._database, self._clock, BULK_CHUNKS, self._handle, CHUNKS_AT_ONCE)
        if count:
            failpoint("bulk.committed")
            self._ring(ListName.ROUTING)
        return count

    def _handle(self, tx: Transaction, rows: Sequence[Row]) -> None:
        for row in rows:
            self._handle_one(tx, row)

    def _handle_one(self, tx: Transaction, row: Row) -> None:
        job = tx.first(select(repository.JOBS).where(repository.JOBS.c.id == row["job_id"]))
        assert job is not None  # noqa: S101 -- a foreign key holds it
        order = Order(
            job["api_key_id"], job["actor"], job["correlation_id"], job["mode"], job["dry_run"]
        )
        chunk = Chunk(row["first_line"], zlib.decompress(row["body"]).split(b"\n"))
        lines, refused = self._reader.read(chunk, job["mode"], job["lane"])
        now = self._clock.now()
        outcomes: dict[int, Outcome] = dict(refused)
        outcomes |= self._store.store(tx, order, lines, now)
        told = b"".join(
            dump_json(result(number, outcomes[number])).encode() + b"\n"
            for number in sorted(outcomes)
        )
        done = update(repository.CHUNKS).where(repository.CHUNKS.c.id == row["id"])
        tx.execute(
            done.values(
                body=None,
                results=zlib.compress(told, PACKED),
                finished_at=now,
                work_state=WorkState.DONE,
                **outcome_counts(outcomes),
            )
        )
        failpoint("bulk.made")
