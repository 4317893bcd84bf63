"""Work lists: since when the oldest row of each is ready, and what nobody has taken too long."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Select,
    String,
    Subquery,
    cast,
    func,
    literal,
    or_,
    select,
    union_all,
)

from shared.db.engine import rows
from shared.db.models import (
    Agent,
    Attachment,
    BulkChunk,
    Delivery,
    DryRun,
    EndpointHealth,
    OutboxEntry,
    Requirement,
    Subscription,
    Ticket,
    WaitingLook,
)
from shared.db.models.base import Base, table
from shared.db.soundness.check import Check, Look, Question
from shared.db.types import EMAIL, READY, WAITING, WEBHOOK
from shared.domain.work import ListName

_TICKETS, _DELIVERIES = table(Ticket), table(Delivery)
_SUBSCRIPTIONS, _HEALTH = table(Subscription), table(EndpointHealth)

#: The tables of lists whose rows are claimed by `work_state` and `available_at` alone.
_PLAIN: tuple[tuple[ListName, type[Base]], ...] = (
    (ListName.ROUTING, Ticket),
    (ListName.MATCHING, Agent),
    (ListName.MATCHING, Requirement),
    (ListName.WAKING, WaitingLook),
    (ListName.QUESTIONS, DryRun),
    (ListName.EVENTS, OutboxEntry),
    (ListName.SCANNING, Attachment),
    (ListName.BULK, BulkChunk),
)


def _oldest(now: datetime) -> Subquery:
    """Return for each list since when its oldest row is ready; null where none is."""
    columns, due = _TICKETS.c, _DELIVERIES.c
    parts: list[Select[Any]] = []
    for name, model in _PLAIN:
        source = table(model)
        since = func.min(source.c.available_at)
        parts.append(_part(name, since).where(source.c.work_state == READY))
    woken = _part(ListName.WAKING, func.min(columns.available_at))
    parts.append(woken.where(columns.work_state == WAITING))
    for name, moment in ((ListName.LIFE, columns.life_due_at), (ListName.SLA, columns.sla_due_at)):
        # Said although it goes without saying: SQLite goes by a partial index only if told.
        parts.append(_part(name, func.min(moment)).where(moment.is_not(None)))
    mails = _part(ListName.EMAIL, func.min(due.available_at))
    parts.append(mails.where(due.work_state == READY, due.channel == EMAIL))
    parts.append(_part(ListName.WEBHOOK, func.min(_due_webhooks(now).c.since)))
    every = union_all(*parts).subquery("every")
    return (
        select(every.c.list.label("id"), func.min(every.c.since).label("since"))
        .group_by(every.c.list)
        .subquery("oldest")
    )


def _due_webhooks(now: datetime) -> Subquery:
    """Return since when each endpoint has something due; one that rests or is disabled has not."""
    due = _DELIVERIES.c
    since = (
        select(func.min(due.available_at))
        .where(
            due.work_state == READY,
            due.channel == WEBHOOK,
            due.receiver == _SUBSCRIPTIONS.c.id,
        )
        .scalar_subquery()
    )
    rests = _SUBSCRIPTIONS.outerjoin(_HEALTH, _HEALTH.c.subscription_id == _SUBSCRIPTIONS.c.id)
    open_to_all = or_(_HEALTH.c.blocked_until.is_(None), _HEALTH.c.blocked_until <= now)
    query = select(since.label("since")).select_from(rests)
    return query.where(_SUBSCRIPTIONS.c.enabled, open_to_all).subquery("due_webhooks")


def _part(name: ListName, since: Any) -> Select[Any]:
    return select(cast(literal(name.value), String).label("list"), since.label("since"))


def ages(look: Look) -> dict[ListName, float]:
    """Return for how many seconds the oldest row of each list has been ready; 0 where none is."""
    oldest = _oldest(look.now)
    since = {
        row["id"]: row["since"]
        for row in rows(look.connection, select(oldest.c.id, oldest.c.since))
    }
    return {name: _age(since.get(name), look.now) for name in ListName}


def _age(since: datetime | None, now: datetime) -> float:
    return 0.0 if since is None else max(0.0, (now - since).total_seconds())


def _standing(look: Look) -> Question:
    oldest = _oldest(look.now)
    query = select(oldest.c.id, oldest.c.since).where(oldest.c.since < look.now - look.max_age)
    return Question(query)


def checks() -> Iterator[Check]:
    """Yield the check of work lists."""
    yield Check(
        "lists-move",
        "no work list has a row that has been ready for too long",
        _standing,
        lambda row: (
            f"the oldest row of the list {row['id']} is ready since "
            f"{row['since']:%Y-%m-%d %H:%M:%S} UTC: does a process run that handles it?"
        ),
    )
