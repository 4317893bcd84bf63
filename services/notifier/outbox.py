"""The notifier's SQL for fan-out: events, who wants them, and the deliveries they become."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import and_, exists, func, select, update

from shared.db.engine import Row, Transaction
from shared.db.models import Delivery, OutboxEntry, Subscription, TicketEvent
from shared.db.models.base import table
from shared.db.types import READY
from shared.domain.delivery import HELD_RANK, REPLAY_RANK
from shared.domain.subscription import Ordering

_DELIVERIES, _SUBSCRIPTIONS = table(Delivery), table(Subscription)
_EVENTS, _OUTBOX = table(TicketEvent), table(OutboxEntry)


def endpoints(tx: Transaction) -> list[Row]:
    """Return the subscriptions that want events now."""
    columns = (_SUBSCRIPTIONS.c.id, _SUBSCRIPTIONS.c.event_types, _SUBSCRIPTIONS.c.filter)
    query = select(*columns).where(_SUBSCRIPTIONS.c.enabled)
    return tx.rows(query)


def events(tx: Transaction, ids: Sequence[str]) -> list[Row]:
    """Return events by id, in the order in which they happened within each ticket."""
    query = (
        select(
            _EVENTS.c.id,
            _EVENTS.c.ticket_id,
            _EVENTS.c.sequence,
            _EVENTS.c.type,
            _EVENTS.c.traceparent,
            _EVENTS.c.body,
        )
        .where(_EVENTS.c.id.in_(ids))
        .order_by(_EVENTS.c.ticket_id, _EVENTS.c.sequence)
    )
    return tx.rows(query)


def keep_deliveries(
    tx: Transaction,
    fanned_out: Sequence[str],
    deliveries: Sequence[Mapping[str, Any]],
    now: datetime,
) -> None:
    """Store deliveries and take their events off the outbox."""
    tx.delete(_OUTBOX, fanned_out)
    tx.insert(_DELIVERIES, deliveries)
    followers = [delivery["id"] for delivery in deliveries if delivery["sequence"] > 1]
    if followers:
        _rest_with_predecessors(tx, followers, now)


def _rest_with_predecessors(tx: Transaction, delivery_ids: Sequence[str], now: datetime) -> None:
    """Let new deliveries wait for an earlier one of their ticket that rests after a failure."""
    ahead = _DELIVERIES.alias("ahead")
    unordered = select(_SUBSCRIPTIONS.c.id).where(_SUBSCRIPTIONS.c.ordering == Ordering.NONE)
    resting = and_(
        ahead.c.ticket_id == _DELIVERIES.c.ticket_id,
        ahead.c.receiver == _DELIVERIES.c.receiver,
        ahead.c.sequence < _DELIVERIES.c.sequence,
        ahead.c.work_state == READY,
        ahead.c.last_error.is_not(None),
        ahead.c.rank != HELD_RANK,
        ahead.c.available_at > now,
        ahead.c.receiver.not_in(unordered),
        ahead.c.rank < REPLAY_RANK,
    )
    due = select(func.max(ahead.c.available_at)).where(resting).scalar_subquery()
    tx.execute(
        update(_DELIVERIES)
        .where(_DELIVERIES.c.id.in_(delivery_ids), exists().where(resting))
        .values(available_at=due)
    )
