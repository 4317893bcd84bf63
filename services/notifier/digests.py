"""The SQL of digests: which held mails one of them tells of, and what its fate means for them.

A digest is the mail of the first of a receiver's held deliveries. The others are its entries: they
wait until it is known what became of it, and share that. A digest that no mail server refused and
that still was not sent, such as one whose template is broken, gives its news back, its own too, so
that the next digest tells them.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, exists, or_, select, tuple_, update

from services.notifier.job import Job
from shared.db.engine import Database, Row, Transaction
from shared.db.models import Delivery, DeliveryAttempt, MailDigestEntry, TicketEvent
from shared.db.models.base import table
from shared.db.types import EMAIL, READY
from shared.domain.delivery import FIRST_ATTEMPT_RANK, HELD_RANK
from shared.domain.ids import Prefix, new_id
from shared.domain.outcome_name import AttemptOutcome
from shared.domain.work import WorkState
from shared.failpoints import failpoint

_DELIVERIES, _ATTEMPTS, _EVENTS = table(Delivery), table(DeliveryAttempt), table(TicketEvent)
_ENTRIES = table(MailDigestEntry)

#: News in one digest; of more, the number is told.
MAX_ENTRIES = 50
#: A mail that is being sent is due again when its lease ends; not later than this.
LONGEST_LEASE = timedelta(minutes=12)
#: For how long news of digests that could not be sent come again with the next one.
KEPT_TRYING = timedelta(days=7)

#: What the fate of a digest means for its entries: their state, their attempt, and why.
_SHARED: dict[WorkState, tuple[WorkState, AttemptOutcome, str]] = {
    WorkState.DONE: (WorkState.CANCELLED, AttemptOutcome.NOT_WANTED, "told in the digest {id}"),
    WorkState.UNKNOWN: (
        WorkState.UNKNOWN,
        AttemptOutcome.UNKNOWN,
        "told in the digest {id}, whose fate is unknown: {error}",
    ),
    WorkState.DEAD: (
        WorkState.DEAD,
        AttemptOutcome.PERMANENT_FAILURE,
        "the digest {id} that told of it was refused: {error}",
    ),
}


def collect(database: Database, job: Job, now: datetime) -> tuple[list[Row], int] | None:
    """Take the held mails of a receiver into the digest that this delivery sends.

    Returns the deliveries with their events' bodies, oldest first, and how many there are besides;
    None if another delivery sends the digest. Doing it again finds the same.
    """
    mine = job.delivery["id"]
    with database.transaction() as tx:
        told = select(_ENTRIES.c.id).where(_ENTRIES.c.id == _DELIVERIES.c.id)
        held = (
            select(_DELIVERIES.c.id, _DELIVERIES.c.available_at)
            .where(
                _DELIVERIES.c.channel == EMAIL,
                _DELIVERIES.c.receiver == job.delivery["receiver"],
                _DELIVERIES.c.work_state == READY,
                _DELIVERIES.c.rank == HELD_RANK,
                _DELIVERIES.c.created_at <= now,
                # What may be there already is nobody's news any more.
                _DELIVERIES.c.data_started_at.is_(None),
                ~exists(told),
            )
            .order_by(_DELIVERIES.c.id)
            .with_for_update(of=_DELIVERIES)
        )
        found = tx.rows(held)
        ids = [row["id"] for row in found]
        if mine not in ids:
            return None
        # One that is being sent, or about to be, sends the digest; one that rests does not.
        if ids[0] != mine and found[0]["available_at"] <= now + LONGEST_LEASE:
            return None
        _take(tx, mine, [each for each in ids if each != mine], now)
        entries = (
            select(_DELIVERIES.c.kind, _EVENTS.c.body)
            .join(_EVENTS, _EVENTS.c.id == _DELIVERIES.c.event_id)
            .outerjoin(_ENTRIES, _ENTRIES.c.id == _DELIVERIES.c.id)
            .where((_DELIVERIES.c.id == mine) | (_ENTRIES.c.digest_id == mine))
            .order_by(_DELIVERIES.c.id)
        )
        news = tx.rows(entries)
    if len(news) > 1:
        failpoint("digest.committed")
    return news[:MAX_ENTRIES], max(len(news) - MAX_ENTRIES, 0)


def digests_of(
    connection: Connection, ids: Sequence[str]
) -> tuple[dict[str, tuple[str, datetime | None]], set[str]]:
    """Return the digest of each of these held deliveries, and which of them are digests.

    A digest comes with the time at which it is tried next; None if it is over.
    """
    if not ids:
        return {}, set()
    digest = _DELIVERIES.alias("digest")
    query = (
        select(_ENTRIES.c.id, _ENTRIES.c.digest_id, digest.c.work_state, digest.c.available_at)
        .outerjoin(digest, digest.c.id == _ENTRIES.c.digest_id)
        .where(or_(_ENTRIES.c.id.in_(ids), _ENTRIES.c.digest_id.in_(ids)))
    )
    told, tell = {}, set()
    for entry_id, digest_id, state, due in connection.execute(query):
        told[entry_id] = (digest_id, due if state is WorkState.READY else None)
        tell.add(digest_id)
    return {each: told[each] for each in ids if each in told}, tell.intersection(ids)


def conclude(
    tx: Transaction,
    deliveries: Sequence[Mapping[str, Any]],
    attempts: Sequence[Mapping[str, Any]],
    now: datetime,
) -> Sequence[Mapping[str, Any]]:
    """Have the entries of digests that are over share their fate; return what to record instead.

    `deliveries` and `attempts` are the rows that are about to be recorded. What is no held mail
    costs nothing.
    """
    held = {
        row["id"]: row
        for row in deliveries
        if row["rank"] == HELD_RANK and row["work_state"] != WorkState.READY
    }
    entries = _entries(tx, held) if held else {}
    if not entries:
        return deliveries
    answered = {row["delivery_id"] for row in attempts if row["status"] is not None}
    again = set()
    for digest_id, told in entries.items():
        row = held[digest_id]
        state = WorkState(row["work_state"])
        ours = state is WorkState.DEAD and digest_id not in answered
        if ours or state is WorkState.CANCELLED:
            _give_back(tx, told, now)
            if ours and told[0]["digest_created_at"] > now - KEPT_TRYING:
                again.add(digest_id)
        else:
            _share(tx, row, state, told, now)
    failpoint("digest.concluded")
    return [_held_anew(row, now) if row["id"] in again else row for row in deliveries]


def _take(tx: Transaction, digest_id: str, ids: Sequence[str], now: datetime) -> None:
    """Make deliveries the entries of a digest, with the entries of those that were digests."""
    if not ids:
        return
    tx.execute(update(_ENTRIES).where(_ENTRIES.c.digest_id.in_(ids)).values(digest_id=digest_id))
    tx.insert_new(
        _ENTRIES, [{"id": each, "digest_id": digest_id, "created_at": now} for each in ids]
    )
    # Whoever is about to send one of them finds, before DATA, that it is not theirs any more.
    tx.execute(update(_DELIVERIES).where(_DELIVERIES.c.id.in_(ids)).values(lease_token=None))
    failpoint("digest.made")


def _entries(tx: Transaction, held: Mapping[str, Mapping[str, Any]]) -> dict[str, list[Row]]:
    """Return the entries of digests whose lease is still ours, by the digest."""
    digest = _DELIVERIES.alias("digest")
    leased = [(row["id"], row["lease_token"]) for row in held.values()]
    query = (
        select(
            _DELIVERIES.c.id,
            _DELIVERIES.c.attempts,
            _ENTRIES.c.digest_id,
            digest.c.created_at.label("digest_created_at"),
        )
        .join(_ENTRIES, _ENTRIES.c.id == _DELIVERIES.c.id)
        .join(digest, digest.c.id == _ENTRIES.c.digest_id)
        .where(
            tuple_(digest.c.id, digest.c.lease_token).in_(leased),
            _DELIVERIES.c.work_state.in_([WorkState.READY, WorkState.DEAD, WorkState.UNKNOWN]),
            _DELIVERIES.c.receiver == digest.c.receiver,
        )
        .order_by(_DELIVERIES.c.id)
        .with_for_update()
    )
    found: dict[str, list[Row]] = defaultdict(list)
    for row in tx.rows(query):
        found[row["digest_id"]].append(row)
    return found


def _share(
    tx: Transaction, digest: Mapping[str, Any], state: WorkState, told: Sequence[Row], now: datetime
) -> None:
    becomes, outcome, reason = _SHARED[state]
    error = reason.format(id=digest["id"], error=digest["last_error"])
    changed = {
        "work_state": becomes.value,
        "finished_at": now,
        "last_error": error,
        "lease_token": None,
    }
    numbers = {row["id"]: max(row["attempts"], 1) for row in told}
    tx.update(_DELIVERIES, [{"id": each, "attempts": n, **changed} for each, n in numbers.items()])
    attempt = {
        "finished_at": now,
        "duration_ms": 0,
        "outcome": outcome.kept,
        "status": None,
        "detail": error[:500],
        "operator_detail": None,
        "response_body": "",
    }
    tx.insert(
        _ATTEMPTS,
        [
            {"id": new_id(Prefix.ATTEMPT), "delivery_id": each, "number": n, **attempt}
            for each, n in numbers.items()
        ],
    )


def _give_back(tx: Transaction, told: Sequence[Row], now: datetime) -> None:
    """Make entries mails of their own again, which wait for the next digest like new ones."""
    ids = [row["id"] for row in told]
    tx.execute(_ENTRIES.delete().where(_ENTRIES.c.id.in_(ids)))
    tx.execute(
        update(_DELIVERIES)
        .where(_DELIVERIES.c.id.in_(ids), _DELIVERIES.c.work_state == READY)
        .values(rank=FIRST_ATTEMPT_RANK, available_at=now, lease_token=None)
    )


def _held_anew(row: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    return {
        **row,
        "work_state": WorkState.READY.value,
        "rank": FIRST_ATTEMPT_RANK,
        "attempts": 0,
        "available_at": now,
        "finished_at": None,
    }
