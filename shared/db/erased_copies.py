"""Where else a requester's words and addresses stand: mails, attempts, remembered answers, records.

The only writer of these tables besides their owners, for one purpose: what is erased must be gone
from all of them.
"""

from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Table, and_, case, delete, func, or_, select, update

from shared.db.engine import Row, Transaction
from shared.db.models import (
    ApiKey,
    Attachment,
    Comment,
    Decision,
    Delivery,
    DeliveryAttempt,
    DryRun,
    IdempotencyKey,
    OutboxEntry,
    TicketEvent,
    Upload,
)
from shared.db.models.base import table
from shared.db.types import dump_json, load_json
from shared.domain.comment import AuthorKind
from shared.domain.delivery import AGENT_MAILS, DeliveryChannel
from shared.domain.erasure import ERASED, erased_answer, erased_explanation
from shared.domain.work import WorkState

_DELIVERIES, _ATTEMPTS, _EVENTS = table(Delivery), table(DeliveryAttempt), table(TicketEvent)
_OUTBOX, _KEYS, _DECISIONS = table(OutboxEntry), table(IdempotencyKey), table(Decision)
_DRY_RUNS, _COMMENTS, _ATTACHMENTS = table(DryRun), table(Comment), table(Attachment)

_API_KEYS, _UPLOADS = table(ApiKey), table(Upload)

#: How `idempotency_keys.operation` names the declaring of a file.
_DECLARE = "POST /v1/uploads"

#: A question whose asker has long gone.
OLD_QUESTION = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Erased:
    """What is left to do: contents of files to delete, other tickets whose comments changed."""

    storage_keys: list[str]
    elsewhere: frozenset[str]


def erase_copies(
    tx: Transaction, ticket_ids: Sequence[str], merged_into: Sequence[str], now: datetime
) -> Erased:
    """Erase what was copied from these tickets, whose rows the caller has locked.

    `merged_into`, locked too, are the tickets that have their comments and files by now. The
    contents of files are the caller's to delete, after the commit.

    Their events on the outbox are locked first: whoever fans one out in this moment has read the
    old body, and the delivery that comes of it must be seen here.
    """
    held = select(_OUTBOX.c.id).where(_OUTBOX.c.ticket_id.in_(ticket_ids)).order_by(_OUTBOX.c.id)
    tx.rows(held.with_for_update())
    tx.execute(
        update(_OUTBOX)
        .where(_OUTBOX.c.ticket_id.in_(ticket_ids), _OUTBOX.c.last_error.is_not(None))
        .values(last_error=None)
    )
    _erase_deliveries(tx, ticket_ids, now)
    moved = _erase_comments(tx, ticket_ids, merged_into)
    keys = _erase_files(tx, ticket_ids, [each["id"] for each in moved])
    erase_answers(tx, ticket_ids)
    _rewrite(tx, _DECISIONS, "explanation", ("id",), ticket_ids, erased_explanation)
    return Erased(keys, frozenset(each["ticket_id"] for each in moved))


def erase_answers(tx: Transaction, subject_ids: Sequence[str]) -> None:
    """Erase what is remembered of requests about these tickets or requesters."""
    _erase_answers(tx, _KEYS.c.subject_id.in_(subject_ids))


def _erase_answers(tx: Transaction, condition: ColumnElement[bool]) -> None:
    query = select(_KEYS).where(condition, _KEYS.c.answer != "")
    key = ("api_key_id", "operation", "key")
    changed = [
        {**{name: row[name] for name in key}, "answer": dump_json(erased_answer(answer))}
        for row in tx.rows(query)
        if (answer := load_json(row["answer"]))
    ]
    tx.update(_KEYS, changed, key=key)


def erase_keys(tx: Transaction, requester_ids: Sequence[str], now: datetime) -> list[str]:
    """Revoke the API keys of requesters, and erase their names, uploads and answers.

    Returns the keys of the uploads' contents, to be deleted after the commit.
    """
    query = select(_API_KEYS.c.id).where(_API_KEYS.c.requester_id.in_(requester_ids))
    ids = list(tx.execute(query).scalars())
    tx.execute(
        update(_API_KEYS)
        .where(_API_KEYS.c.requester_id.in_(requester_ids))
        .values(name=ERASED, revoked_at=func.coalesce(_API_KEYS.c.revoked_at, now))
    )
    if not ids:
        return []
    _erase_answers(tx, _KEYS.c.api_key_id.in_(ids))
    theirs = delete(_UPLOADS).where(_UPLOADS.c.created_by.in_([f"key:{each}" for each in ids]))
    found = tx.execute(theirs.returning(_UPLOADS.c.storage_key)).scalars()
    return [key for key in found if key is not None]


def erase_questions(
    tx: Transaction, requesters: Sequence[Mapping[str, Any]], now: datetime
) -> None:
    """Delete questions to the router about these requesters, and old ones."""
    sender = _DRY_RUNS.c.question["ticket"]["requester"]
    old = _DRY_RUNS.c.created_at <= now - OLD_QUESTION
    theirs = [
        func.lower(sender[name].as_string()).in_(
            sorted({row[name].lower() for row in requesters if row[name]})
        )
        for name in ("id", "email", "phone", "external_id", "name")
    ]
    tx.execute(delete(_DRY_RUNS).where(or_(old, *theirs)))


def _erase_comments(
    tx: Transaction, ticket_ids: Sequence[str], merged_into: Sequence[str]
) -> list[Row]:
    """Erase what was said; return id and ticket of what stands under another ticket by now."""
    moved: list[Row] = []
    if merged_into:
        elsewhere = select(_COMMENTS.c.id, _COMMENTS.c.ticket_id).where(
            _COMMENTS.c.ticket_id.in_(merged_into), _COMMENTS.c.merged_from_id.in_(ticket_ids)
        )
        moved = tx.rows(elsewhere)
    ours = or_(
        _COMMENTS.c.ticket_id.in_(ticket_ids), _COMMENTS.c.id.in_([each["id"] for each in moved])
    )
    tx.execute(update(_COMMENTS).where(ours).values(body=ERASED))
    of_requesters = _COMMENTS.c.author_kind == AuthorKind.REQUESTER
    named = update(_COMMENTS).where(ours, of_requesters, _COMMENTS.c.author_name.is_not(None))
    tx.execute(named.values(author_name=ERASED))
    return moved


def _erase_files(
    tx: Transaction, ticket_ids: Sequence[str], comment_ids: Sequence[str]
) -> list[str]:
    """Delete the attachments of tickets and of comments; return the keys of their contents."""
    ours = or_(_ATTACHMENTS.c.ticket_id.in_(ticket_ids), _ATTACHMENTS.c.comment_id.in_(comment_ids))
    columns = (_ATTACHMENTS.c.storage_key, _ATTACHMENTS.c.created_by, _ATTACHMENTS.c.name)
    gone = tx.execute(delete(_ATTACHMENTS).where(ours).returning(*columns)).all()
    _erase_declarations(tx, {row.created_by for row in gone}, {row.name for row in gone})
    return [row.storage_key for row in gone if row.storage_key is not None]


def _erase_declarations(tx: Transaction, actors: AbstractSet[str], names: AbstractSet[str]) -> None:
    """Erase what is remembered of declaring files that an attachment was made of."""
    if not actors:
        return
    declared = and_(
        _KEYS.c.api_key_id.in_([actor.removeprefix("key:") for actor in actors]),
        _KEYS.c.operation == _DECLARE,
        _KEYS.c.answer != "",
    )
    for row in tx.rows(select(_KEYS.c.api_key_id, _KEYS.c.key, _KEYS.c.answer).where(declared)):
        if load_json(row["answer"]).get("name") in names:
            mine = (_KEYS.c.api_key_id == row["api_key_id"], _KEYS.c.key == row["key"])
            _erase_answers(tx, and_(declared, *mine))


def _erase_deliveries(tx: Transaction, ticket_ids: Sequence[str], now: datetime) -> None:
    """Take addresses and what receivers answered out of deliveries; cancel mails not yet sent.

    Without its token a mail in flight cannot come back by its result.
    """
    events = select(_EVENTS.c.id).where(_EVENTS.c.ticket_id.in_(ticket_ids))
    ours = _DELIVERIES.c.event_id.in_(events)
    ready = _DELIVERIES.c.work_state == WorkState.READY
    tx.execute(
        update(_DELIVERIES)
        .where(
            ours,
            _DELIVERIES.c.channel == DeliveryChannel.EMAIL,
            _DELIVERIES.c.kind.not_in(sorted(AGENT_MAILS)),
        )
        .values(
            receiver="erased:" + _DELIVERIES.c.id,
            work_state=case((ready, WorkState.CANCELLED), else_=_DELIVERIES.c.work_state),
            finished_at=func.coalesce(_DELIVERIES.c.finished_at, now),
            lease_token=None,
        )
    )
    tx.execute(
        update(_DELIVERIES)
        .where(ours, _DELIVERIES.c.last_error.is_not(None))
        .values(last_error=None)
    )
    deliveries = select(_DELIVERIES.c.id).where(ours)
    tx.execute(
        update(_ATTEMPTS)
        .where(_ATTEMPTS.c.delivery_id.in_(deliveries))
        .values(detail="", response_body="", operator_detail=None)
    )


def _rewrite(
    tx: Transaction,
    source: Table,
    column: str,
    key: tuple[str, ...],
    ticket_ids: Sequence[str],
    left: Callable[[Mapping[str, Any]], Mapping[str, Any]],
) -> None:
    """Replace JSON texts by what is left of them, where that is less."""
    names = [source.c[name] for name in key]
    query = select(*names, source.c[column]).where(source.c.ticket_id.in_(ticket_ids))
    changed = []
    for row in tx.rows(query):
        text = dump_json(left(load_json(row[column])))
        if text != row[column]:
            changed.append({**{name: row[name] for name in key}, column: text})
    tx.update(source, changed, key=key)
