"""The SQL of bulk jobs and their chunks."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, and_, case, func, or_, select, update

from shared.db.engine import Database, Row, Transaction, first, rows
from shared.db.models import BulkChunk, BulkJob
from shared.db.models.base import table
from shared.domain.bulk import JobState
from shared.domain.errors import NotFound
from shared.domain.work import WorkState

JOBS, CHUNKS = table(BulkJob), table(BulkChunk)

#: Chunks whose results are read at once.
RESULTS_AT_ONCE = 20

_OPEN = (WorkState.WAITING, WorkState.READY)


def job(connection: Connection, job_id: str, api_key_id: str | None) -> dict[str, Any]:
    """Return a job, and how far it got, for `shared.schemas.bulk.JobSchema`; raises NotFound.

    With an API key's id it must be that key's job.
    """
    query = _of(select(JOBS).where(JOBS.c.id == job_id), api_key_id)
    found = first(connection, query)
    if found is None:
        raise NotFound(f"There is no job {job_id!r}, or it is another key's.")
    return with_progress(connection, [found])[0]


def jobs(
    connection: Connection, before: str, limit: int, api_key_id: str | None
) -> list[dict[str, Any]]:
    """Return jobs, the newest first, before an id."""
    query = _of(select(JOBS).order_by(JOBS.c.id.desc()).limit(limit), api_key_id)
    if before:
        query = query.where(JOBS.c.id < before)
    return with_progress(connection, rows(connection, query))


def _of(query: Select[Any], api_key_id: str | None) -> Select[Any]:
    return query if api_key_id is None else query.where(JOBS.c.api_key_id == api_key_id)


def with_progress(connection: Connection, found: Sequence[Row]) -> list[dict[str, Any]]:
    """Add to jobs what their chunks tell."""
    columns = CHUNKS.c
    done, dead = columns.work_state == WorkState.DONE, columns.work_state == WorkState.DEAD
    # Of a job that nobody cancelled, what is cancelled was dead, and dropped by an operator.
    dropped = and_(columns.work_state == WorkState.CANCELLED, JOBS.c.cancelled_at.is_(None))
    query = (
        select(
            columns.job_id,
            func.sum(columns.lines).label("lines_received"),
            func.sum(case((done, columns.lines), else_=0)).label("lines_done"),
            func.sum(case((or_(dead, dropped), columns.lines), else_=0)).label("failed"),
            func.sum(columns.created).label("created"),
            func.sum(columns.known).label("known"),
            func.sum(columns.refused).label("refused"),
            func.sum(case((columns.work_state.in_(_OPEN), 1), else_=0)).label("open"),
            func.max(columns.finished_at).label("last_at"),
        )
        .select_from(CHUNKS.join(JOBS, JOBS.c.id == columns.job_id))
        .where(columns.job_id.in_([each["id"] for each in found]))
        .group_by(columns.job_id)
    )
    progress = {row["job_id"]: row for row in rows(connection, query)}
    return [_told(each, progress.get(each["id"])) for each in found]


def _told(row: Row, progress: Row | None) -> dict[str, Any]:
    counts = progress or dict.fromkeys(
        ("lines_received", "lines_done", "failed", "created", "known", "refused", "open"), 0
    )
    last_at = counts.get("last_at")
    if row["cancelled_at"] is not None:
        state = JobState.CANCELLED
    elif row["received_at"] is None:
        state = JobState.RECEIVING
    elif not counts["open"]:
        state = JobState.COMPLETED
    else:
        state = JobState.QUEUED if last_at is None else JobState.RUNNING
    over = state is JobState.COMPLETED
    return {
        **row,
        **{name: int(counts[name]) for name in counts if name not in ("job_id", "last_at")},
        "state": state,
        "finished_at": (last_at or row["received_at"]) if over else None,
        "results": f"/v1/jobs/{row['id']}/results",
    }


def job_by_key(tx: Transaction, api_key_id: str, key: str) -> Row | None:
    """Return the job that an Idempotency-Key began, if any."""
    query = select(JOBS).where(JOBS.c.api_key_id == api_key_id, JOBS.c.key == key)
    return tx.first(query)


def received(tx: Transaction, job_id: str) -> list[Row]:
    """Return what is stored of a body: ordinal, first_line, lines and digest of each chunk."""
    columns = CHUNKS.c
    query = (
        select(columns.ordinal, columns.first_line, columns.lines, columns.digest)
        .where(columns.job_id == job_id)
        .order_by(columns.ordinal)
    )
    return tx.rows(query)


def complete(tx: Transaction, job_id: str, now: datetime) -> None:
    """Note that a body is whole, and let its chunks be handled."""
    tx.execute(update(JOBS).where(JOBS.c.id == job_id).values(received_at=now))
    _move(tx, job_id, (WorkState.WAITING,), {"work_state": WorkState.READY, "available_at": now})


def cancel(tx: Transaction, job_id: str, now: datetime) -> None:
    """Let nothing more of a job be handled; a chunk that is under way is finished."""
    statement = update(JOBS).where(JOBS.c.id == job_id, JOBS.c.cancelled_at.is_(None))
    tx.execute(statement.values(cancelled_at=now))
    _move(tx, job_id, _OPEN, {"work_state": WorkState.CANCELLED, "body": None})


def forget(tx: Transaction, job_id: str) -> None:
    """Delete a job of which nothing was handled."""
    tx.execute(CHUNKS.delete().where(CHUNKS.c.job_id == job_id))
    tx.execute(JOBS.delete().where(JOBS.c.id == job_id))


def _move(
    tx: Transaction, job_id: str, states: Sequence[WorkState], values: Mapping[str, Any]
) -> None:
    # In the order in which they are claimed, so that nobody waits for another in a circle.
    statement = update(CHUNKS).where(
        CHUNKS.c.id.in_(
            select(CHUNKS.c.id)
            .where(CHUNKS.c.job_id == job_id, CHUNKS.c.work_state.in_(states))
            .order_by(CHUNKS.c.ordinal)
            .with_for_update(key_share=True)
        )
    )
    tx.execute(statement.values(**values))


def results(database: Database, job_id: str) -> Iterator[bytes]:
    """Yield the packed results of a job's chunks, in the order of their lines."""
    last = -1
    while True:
        query = (
            select(CHUNKS.c.ordinal, CHUNKS.c.results)
            .where(CHUNKS.c.job_id == job_id, CHUNKS.c.ordinal > last)
            .order_by(CHUNKS.c.ordinal)
            .limit(RESULTS_AT_ONCE)
        )
        with database.reading() as connection:
            found = rows(connection, query)
        if not found:
            return
        yield from (row["results"] for row in found if row["results"] is not None)
        last = found[-1]["ordinal"]
