"""Where else a requester's words and addresses stand: mails, attempts, remembered answers, records.

The only writer of these tables besides their owners, for one purpose: what is erased must be gone
from all of them.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Table, case, delete, func, or_, select, update

from shared.db.engine import Transaction
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
)
from shared.db.models.base import table
from shared.db.types import dump_json, load_json
from shared.domain.comment import AuthorKind
from shared.domain.delivery import DeliveryChannel, MailKind
from shared.domain.erasure import ERASED, erased_answer, erased_explanation
from shared.domain.work import WorkState

_DELIVERIES, _ATTEMPTS, _EVENTS = table(Delivery), table(DeliveryAttempt), table(TicketEvent)
_OUTBOX, _KEYS, _DECISIONS = table(OutboxEntry), table(IdempotencyKey), table(Decision)
_DRY_RUNS, _COMMENTS, _ATTACHMENTS = table(DryRun), table(Comment), table(Attachment)

_API_KEYS = table(ApiKey)

#: A question whose asker has long gone.
OLD_QUESTION = timedelta(minutes=1)


def erase_copies(tx: Transaction, ticket_ids: Sequence[str], now: datetime) -> None:
    """Erase what was copied from these tickets, whose rows the caller has locked.

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
    _erase_comments(tx, ticket_ids)
    # Their contents, which nothing points to any more, are removed by the next tidying up.
    tx.execute(delete(_ATTACHMENTS).where(_ATTACHMENTS.c.ticket_id.in_(ticket_ids)))
    erase_answers(tx, ticket_ids)
    _rewrite(tx, _DECISIONS, "explanation", ("id",), ticket_ids, erased_explanation)


def erase_answers(tx: Transaction, subject_ids: Sequence[str]) -> None:
    """Erase what is remembered of requests about these tickets or requesters."""
    query = select(_KEYS).where(_KEYS.c.subject_id.in_(subject_ids), _KEYS.c.answer != "")
    key = ("api_key_id", "operation", "key")
    changed = [
        {**{name: row[name] for name in key}, "answer": dump_json(erased_answer(answer))}
        for row in tx.rows(query)
        if (answer := load_json(row["answer"]))
    ]
    tx.update(_KEYS, changed, key=key)


def erase_keys(tx: Transaction, requester_ids: Sequence[str], now: datetime) -> None:
    """Revoke the API keys of requesters, whose names may say who it was."""
    tx.execute(
        update(_API_KEYS)
        .where(_API_KEYS.c.requester_id.in_(requester_ids))
        .values(name=ERASED, revoked_at=func.coalesce(_API_KEYS.c.revoked_at, now))
    )


def erase_questions(tx: Transaction, addresses: Sequence[str], now: datetime) -> None:
    """Delete questions to the router that quote these e-mail addresses, and old ones."""
    sender = func.lower(_DRY_RUNS.c.question["ticket"]["requester"]["email"].as_string())
    old = _DRY_RUNS.c.created_at <= now - OLD_QUESTION
    tx.execute(delete(_DRY_RUNS).where(or_(old, sender.in_(addresses))))


def _erase_comments(tx: Transaction, ticket_ids: Sequence[str]) -> None:
    ours = _COMMENTS.c.ticket_id.in_(ticket_ids)
    tx.execute(update(_COMMENTS).where(ours).values(body=ERASED))
    of_requesters = _COMMENTS.c.author_kind == AuthorKind.REQUESTER
    named = update(_COMMENTS).where(ours, of_requesters, _COMMENTS.c.author_name.is_not(None))
    tx.execute(named.values(author_name=ERASED))


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
            _DELIVERIES.c.kind != MailKind.TICKET_ASSIGNED,
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
        .values(detail="", response_body="")
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
