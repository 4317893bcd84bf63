"""Small periodic clean-ups, run by the timers of one process at a time."""

from datetime import datetime, timedelta

from sqlalchemy import (
    ColumnElement,
    Table,
    and_,
    delete,
    exists,
    literal_column,
    select,
    tuple_,
    update,
)

from shared.db.engine import Database
from shared.db.models import (
    Agent,
    BulkChunk,
    BulkJob,
    BulkKey,
    DryRun,
    IdempotencyKey,
    Requirement,
    ShadowDecision,
    Ticket,
)
from shared.db.models.base import table
from shared.db.types import WAITING
from shared.domain.agent import Presence
from shared.domain.work import WorkState
from shared.failpoints import failpoint

#: Rows deleted in one transaction, so that no clean-up holds locks for long.
CHUNK = 5000

DRY_RUNS_KEPT = timedelta(minutes=10)
SHADOWS_KEPT = timedelta(days=90)

_KEYS, _AGENTS, _DRY_RUNS = table(IdempotencyKey), table(Agent), table(DryRun)
_REQUIREMENTS, _TICKETS, _SHADOWS = table(Requirement), table(Ticket), table(ShadowDecision)
_JOBS, _BULK_CHUNKS, _BULK_KEYS = table(BulkJob), table(BulkChunk), table(BulkKey)
#: Written into the SQL, like the states of the partial indexes.
IDLE: ColumnElement[str] = literal_column("'idle'")
_WAITED_FOR = exists().where(
    _TICKETS.c.work_state == WAITING, _TICKETS.c.signature == _REQUIREMENTS.c.signature
)


def look_again(database: Database, now: datetime) -> None:
    """Put on the matching list whatever it may have passed over.

    Matching passes over tickets that somebody holds for a moment. Whoever changes one rings;
    whoever looked at it and changed nothing does not, and then this is what brings it back.
    """
    with database.transaction() as tx:
        statement = update(_REQUIREMENTS).where(_REQUIREMENTS.c.work_state == IDLE, _WAITED_FOR)
        tx.execute(statement.values(work_state=WorkState.READY, available_at=now))
    failpoint("housekeeping.looked")
    untouched = exists().where(
        _TICKETS.c.assignee_id == _AGENTS.c.id,
        _TICKETS.c.status == literal_column("'open'"),
        _TICKETS.c.touched_at.is_(None),
    )
    query = (
        select(_AGENTS.c.id)
        .where(_AGENTS.c.work_state == IDLE, _AGENTS.c.presence != Presence.ONLINE, untouched)
        .order_by(_AGENTS.c.id)
        .with_for_update(skip_locked=True, key_share=True)
    )
    with database.transaction() as tx:
        # Not by SQLAlchemy, which would tell every index of agents that something changed.
        ready = {"work_state": WorkState.READY.value, "available_at": now}
        tx.update(_AGENTS, [{"id": row["id"], **ready} for row in tx.rows(query)])


def forget_requirements(database: Database) -> None:
    """Delete needs that no ticket waits with.

    They are locked first, and looked at again then: whoever parks a ticket writes its need too, so
    what was parked before the lock is seen, and what is parked after it finds no need and adds it.
    One statement would ask for waiting tickets as of its beginning.
    """
    over = and_(_REQUIREMENTS.c.work_state == IDLE, ~_WAITED_FOR)
    unused = (
        select(_REQUIREMENTS.c.signature)
        .where(over)
        .order_by(_REQUIREMENTS.c.signature)
        .limit(CHUNK)
        .with_for_update(skip_locked=True)
    )
    with database.transaction() as tx:
        found = list(tx.execute(unused).scalars())
        tx.execute(delete(_REQUIREMENTS).where(_REQUIREMENTS.c.signature.in_(found), over))


def forget_dry_runs(database: Database, now: datetime) -> None:
    """Delete questions to the router whose asker is long gone."""
    with database.transaction() as tx:
        tx.execute(delete(_DRY_RUNS).where(_DRY_RUNS.c.created_at <= now - DRY_RUNS_KEPT))


def forget_idempotency_keys(database: Database, now: datetime) -> int:
    """Delete remembered answers whose time is over; return how many."""
    return _delete_in_chunks(database, _KEYS, _KEYS.c.expires_at <= now)


def forget_shadow_decisions(database: Database, now: datetime) -> int:
    """Delete shadow decisions that no report will ask for any more; return how many."""
    return _delete_in_chunks(database, _SHADOWS, _SHADOWS.c.decided_at <= now - SHADOWS_KEPT)


def forget_bulk_jobs(database: Database, now: datetime) -> int:
    """Delete bulk jobs, with their results, whose time is over; return how many chunks."""
    over = select(_JOBS.c.id).where(_JOBS.c.expires_at <= now)
    deleted = _delete_in_chunks(database, _BULK_CHUNKS, _BULK_CHUNKS.c.job_id.in_(over))
    _delete_in_chunks(database, _JOBS, _JOBS.c.expires_at <= now)
    return deleted


def forget_bulk_keys(database: Database, now: datetime) -> int:
    """Delete the keys of lines whose time is over; return how many."""
    return _delete_in_chunks(database, _BULK_KEYS, _BULK_KEYS.c.expires_at <= now)


def _delete_in_chunks(database: Database, source: Table, over: ColumnElement[bool]) -> int:
    key = tuple_(*source.primary_key.columns)
    deleted = 0
    while True:
        due = select(*source.primary_key.columns).where(over).limit(CHUNK)
        statement = delete(source).where(over, key.in_(due))
        with database.transaction() as tx:
            count: int = tx.execute(statement).rowcount  # type: ignore[attr-defined]
        deleted += count
        failpoint("housekeeping.deleted")
        if count < CHUNK:
            return deleted
