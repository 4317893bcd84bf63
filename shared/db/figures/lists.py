"""How much is due on each work list, since when, and what gave up."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    Table,
    func,
    or_,
    select,
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
from shared.db.models.base import table
from shared.db.types import DEAD, EMAIL, NOT_ARRIVED, READY, WAITING, WEBHOOK
from shared.domain.work import ListName
from shared.observability.figures import LIST_BACKLOG, LIST_DEAD, LIST_OLDEST, Figure, Sample

_TICKETS, _DELIVERIES, _HEALTH = table(Ticket), table(Delivery), table(EndpointHealth)
_SUBSCRIPTIONS = table(Subscription)

#: How many, and since when the oldest of them.
Due = Select[Any, Any]

#: Lists whose ready rows are all that is due.
_TABLES: dict[ListName, tuple[Table, ...]] = {
    ListName.ROUTING: (_TICKETS,),
    ListName.MATCHING: (table(Agent), table(Requirement)),
    ListName.QUESTIONS: (table(DryRun),),
    ListName.EVENTS: (table(OutboxEntry),),
    ListName.SCANNING: (table(Attachment),),
    ListName.BULK: (table(BulkChunk),),
}
#: Where rows can be dead, with the list they belong to. A list that is not here has none: its
#: handler puts off what fails.
_CAN_DIE = {name: tables[0] for name, tables in _TABLES.items() if name is not ListName.MATCHING}
#: How deliveries can end without having arrived.
_NOT_ARRIVED = (
    ("webhook", "dead"),
    ("email", "dead"),
    ("email", "unknown"),
    ("email", "bounced"),
)


def read(connection: Connection, now: datetime) -> dict[Figure, Sequence[Sample]]:
    """Return the backlog of every list, the age of its oldest row in seconds, and what is dead."""
    backlog, oldest = [], []
    for name, queries in _due(now).items():
        found = [connection.execute(query).one() for query in queries]
        since = min((at for _, at in found if at is not None), default=now)
        backlog.append(((name.value,), sum(int(count or 0) for count, _ in found)))
        oldest.append(((name.value,), max(0.0, (now - since).total_seconds())))
    return {LIST_BACKLOG: backlog, LIST_OLDEST: oldest, LIST_DEAD: _dead(connection)}


def _due(now: datetime) -> dict[ListName, list[Due]]:
    ticket, delivery = _TICKETS.c, _DELIVERIES.c
    mails = (delivery.work_state == READY, delivery.channel == EMAIL)
    due = {
        name: [_count(each.c.available_at, now, each.c.work_state == READY) for each in tables]
        for name, tables in _TABLES.items()
    }
    looks = table(WaitingLook).c
    due[ListName.WAKING] = [
        _count(ticket.available_at, now, ticket.work_state == WAITING),
        _count(looks.available_at, now, looks.work_state == READY),
    ]
    due[ListName.LIFE] = [_count(ticket.life_due_at, now)]
    due[ListName.SLA] = [_count(ticket.sla_due_at, now)]
    due[ListName.WEBHOOK] = [_webhooks(now)]
    due[ListName.EMAIL] = [_count(delivery.available_at, now, *mails)]
    return {name: due[name] for name in ListName}


def _count(at: ColumnElement[Any], now: datetime, *conditions: ColumnElement[bool]) -> Due:
    return select(func.count().label("count"), func.min(at)).where(*conditions, at <= now)


def _webhooks(now: datetime) -> Due:
    """What may be sent now.

    What waits for an endpoint that rests, or is disabled, is no backlog: no notifier makes it less.
    """
    delivery = _DELIVERIES.c
    mine = (
        delivery.work_state == READY,
        delivery.channel == WEBHOOK,
        delivery.receiver == _SUBSCRIPTIONS.c.id,
        delivery.available_at <= now,
    )
    count = select(func.count()).select_from(_DELIVERIES).where(*mine).scalar_subquery()
    oldest = select(func.min(delivery.available_at)).where(*mine).scalar_subquery()
    blocked = _HEALTH.c.blocked_until
    return (
        select(func.sum(count), func.min(oldest))
        .select_from(
            _SUBSCRIPTIONS.outerjoin(_HEALTH, _HEALTH.c.subscription_id == _SUBSCRIPTIONS.c.id)
        )
        .where(_SUBSCRIPTIONS.c.enabled, or_(blocked.is_(None), blocked <= now))
    )


def _dead(connection: Connection) -> list[Sample]:
    dead: list[Sample] = []
    for name, each in _CAN_DIE.items():
        query = select(func.count()).where(each.c.work_state == DEAD)
        dead.append(((name.value, "dead"), connection.execute(query).scalar_one()))
    delivery = _DELIVERIES.c
    query = (
        select(delivery.channel, delivery.work_state, func.count().label("count"))
        .where(delivery.work_state.in_(NOT_ARRIVED))
        .group_by(delivery.channel, delivery.work_state)
    )
    found = {
        (row["channel"], row["work_state"]): int(row["count"]) for row in rows(connection, query)
    }
    for channel, state in _NOT_ARRIVED:
        dead.append(((channel, state), found.get((channel, state), 0)))
    return dead
