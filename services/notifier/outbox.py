"""The notifier's SQL for fan-out: events, who wants them, and the deliveries they become."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Executable, Text, UpdateBase, and_, bindparam, exists, func, select, update
from sqlalchemy.types import TypeEngine

from shared.db.dialects import Dialect
from shared.db.engine import Row, Transaction
from shared.db.models import Delivery, OutboxEntry, Subscription, TicketEvent
from shared.db.models.base import table
from shared.db.types import READY
from shared.domain.delivery import HELD_RANK, REPLAY_RANK
from shared.domain.subscription import Ordering

_DELIVERIES, _SUBSCRIPTIONS = table(Delivery), table(Subscription)
_EVENTS, _OUTBOX = table(TicketEvent), table(OutboxEntry)

_ENDPOINTS = select(
    _SUBSCRIPTIONS.c.id, _SUBSCRIPTIONS.c.event_types, _SUBSCRIPTIONS.c.filter
).where(_SUBSCRIPTIONS.c.enabled)
_IDS: dict[str, TypeEngine[Any]] = {"id": Text()}


def endpoints(tx: Transaction) -> list[Row]:
    """Return the subscriptions that want events now."""
    return tx.rows(_ENDPOINTS)


def events(tx: Transaction, ids: Sequence[str]) -> list[Row]:
    """Return events by id, in the order in which they happened within each ticket."""
    return tx.rows(tx.dialect.once(_events), _given(tx.dialect, ids))


def keep_deliveries(
    tx: Transaction,
    fanned_out: Sequence[str],
    deliveries: Sequence[Mapping[str, Any]],
    now: datetime,
) -> None:
    """Store deliveries and take their events off the outbox; all of it travels with the commit."""
    tx.delete(_OUTBOX, fanned_out)
    tx.insert(_DELIVERIES, deliveries)
    followers = [delivery["id"] for delivery in deliveries if delivery["sequence"] > 1]
    if followers:
        rest_with_predecessors(tx, followers, now)


def rest_with_predecessors(tx: Transaction, delivery_ids: Sequence[str], now: datetime) -> None:
    """Let new deliveries wait for an earlier one of their ticket that rests after a failure."""
    tx.write(_resting, {**_given(tx.dialect, delivery_ids), "now": now})


def _given(dialect: Dialect, ids: Sequence[str]) -> Mapping[str, Any]:
    return dialect.rows_parameters("given", [{"id": each} for each in ids])


def _events(dialect: Dialect) -> Executable:
    given = dialect.rows_as_table("given", _IDS)
    return (
        select(
            _EVENTS.c.id,
            _EVENTS.c.ticket_id,
            _EVENTS.c.sequence,
            _EVENTS.c.type,
            _EVENTS.c.traceparent,
            _EVENTS.c.body,
        )
        .where(_EVENTS.c.id.in_(select(given.c.id)))
        .order_by(_EVENTS.c.ticket_id, _EVENTS.c.sequence)
    )


def _resting(dialect: Dialect) -> UpdateBase:
    given = dialect.rows_as_table("given", _IDS)
    ahead = _DELIVERIES.alias("ahead")
    unordered = select(_SUBSCRIPTIONS.c.id).where(_SUBSCRIPTIONS.c.ordering == Ordering.NONE)
    resting = and_(
        ahead.c.ticket_id == _DELIVERIES.c.ticket_id,
        ahead.c.receiver == _DELIVERIES.c.receiver,
        ahead.c.sequence < _DELIVERIES.c.sequence,
        ahead.c.work_state == READY,
        ahead.c.last_error.is_not(None),
        ahead.c.rank != HELD_RANK,
        ahead.c.available_at > bindparam("now"),
        ahead.c.receiver.not_in(unordered),
        ahead.c.rank < REPLAY_RANK,
    )
    due = select(func.max(ahead.c.available_at)).where(resting).scalar_subquery()
    return (
        update(_DELIVERIES)
        .where(_DELIVERIES.c.id.in_(select(given.c.id)), exists().where(resting))
        .values(available_at=due)
    )
