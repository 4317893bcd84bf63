"""Since when a row of each work list is ready: where that stands, said once.

Metrics count by it, and the check of soundness looks for what has been ready for too long.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, Table, or_

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
from shared.db.types import EMAIL, READY, WAITING, WEBHOOK
from shared.domain.work import ListName

_TICKETS, _DELIVERIES = table(Ticket), table(Delivery)
_SUBSCRIPTIONS, _HEALTH = table(Subscription), table(EndpointHealth)

#: The tables of lists whose rows are claimed by `work_state` and `available_at` alone.
PLAIN: dict[ListName, tuple[Table, ...]] = {
    ListName.ROUTING: (_TICKETS,),
    ListName.MATCHING: (table(Agent), table(Requirement)),
    ListName.WAKING: (table(WaitingLook),),
    ListName.QUESTIONS: (table(DryRun),),
    ListName.EVENTS: (table(OutboxEntry),),
    ListName.SCANNING: (table(Attachment),),
    ListName.BULK: (table(BulkChunk),),
}


@dataclass(frozen=True, slots=True)
class ReadyRows:
    """Rows of one table that a list may handle from `moment` on, if the conditions hold."""

    name: ListName
    moment: ColumnElement[Any]
    conditions: tuple[ColumnElement[bool], ...]


def ready_rows() -> Iterator[ReadyRows]:
    """Yield what makes rows ready, for every list but that of webhooks."""
    for name, tables in PLAIN.items():
        for each in tables:
            yield ReadyRows(name, each.c.available_at, (each.c.work_state == READY,))
    ticket, delivery = _TICKETS.c, _DELIVERIES.c
    yield ReadyRows(ListName.WAKING, ticket.available_at, (ticket.work_state == WAITING,))
    for name, moment in ((ListName.LIFE, ticket.life_due_at), (ListName.SLA, ticket.sla_due_at)):
        # Said although it goes without saying: SQLite goes by a partial index only if told.
        yield ReadyRows(name, moment, (moment.is_not(None),))
    mails = (delivery.work_state == READY, delivery.channel == EMAIL)
    yield ReadyRows(ListName.EMAIL, delivery.available_at, mails)


def webhooks_of_endpoint() -> ReadyRows:
    """Return the deliveries of a subscription, for a subquery in `of_open_endpoints`."""
    delivery = _DELIVERIES.c
    mine = (
        delivery.work_state == READY,
        delivery.channel == WEBHOOK,
        delivery.receiver == _SUBSCRIPTIONS.c.id,
    )
    return ReadyRows(ListName.WEBHOOK, delivery.available_at, mine)


def of_open_endpoints(query: Select[Any], now: datetime) -> Select[Any]:
    """Have a query look at every endpoint to which something may be sent now.

    What waits for one that rests, or is disabled, is no backlog: no notifier makes it less.
    """
    blocked = _HEALTH.c.blocked_until
    looked_at = _SUBSCRIPTIONS.outerjoin(_HEALTH, _HEALTH.c.subscription_id == _SUBSCRIPTIONS.c.id)
    open_now = or_(blocked.is_(None), blocked <= now)
    return query.select_from(looked_at).where(_SUBSCRIPTIONS.c.enabled, open_now)
