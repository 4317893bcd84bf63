"""The notifier's SQL: events to fan out, deliveries to lease, results to keep."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Select, and_, exists, func, or_, select, update

from shared.db.engine import Database, Row, Transaction
from shared.db.models import Delivery, DeliveryAttempt, OutboxEntry, Subscription, TicketEvent
from shared.db.models.base import table
from shared.db.work_lists import DELIVERIES_DUE
from shared.domain.delivery import DeliveryChannel
from shared.domain.work import WorkState

_DELIVERIES, _ATTEMPTS = table(Delivery), table(DeliveryAttempt)
_SUBSCRIPTIONS, _EVENTS, _OUTBOX = table(Subscription), table(TicketEvent), table(OutboxEntry)

#: Endpoints served by one claim; the ones that waited longest come first.
MAX_ENDPOINTS = 50


@dataclass(frozen=True, slots=True)
class Job:
    """A leased delivery with everything that is needed to send it."""

    delivery: Row
    token: str
    body: str
    endpoint: Row | None

    @property
    def attempt(self) -> int:
        """Which try this is, from 1."""
        return int(self.delivery["attempts"]) + 1


def endpoints(tx: Transaction) -> list[Row]:
    """Return the subscriptions that want events now."""
    query = select(_SUBSCRIPTIONS).where(_SUBSCRIPTIONS.c.enabled)
    return tx.rows(query)


def events(tx: Transaction, ids: Sequence[str]) -> list[Row]:
    """Return events by id, in the order in which they happened within each ticket."""
    query = (
        select(
            _EVENTS.c.id, _EVENTS.c.ticket_id, _EVENTS.c.sequence, _EVENTS.c.type, _EVENTS.c.body
        )
        .where(_EVENTS.c.id.in_(ids))
        .order_by(_EVENTS.c.ticket_id, _EVENTS.c.sequence)
    )
    return tx.rows(query)


def keep_deliveries(
    tx: Transaction, fanned_out: Sequence[str], deliveries: Sequence[Mapping[str, Any]]
) -> None:
    """Store deliveries and take their events off the outbox."""
    tx.delete(_OUTBOX, fanned_out)
    tx.insert(_DELIVERIES, deliveries)


class DeliveryRepository:
    """Leases and settles the deliveries of one channel."""

    def __init__(self, database: Database, channel: DeliveryChannel, lease: timedelta) -> None:
        self._database = database
        self._channel = channel
        self._lease = lease

    def lease(self, now: datetime, limit: int, share: int, busy: Mapping[str, int]) -> list[Job]:
        """Lease up to `limit` due deliveries, the most urgent first.

        `busy` counts what is in flight for each receiver; none gets more than `share` at once, so a
        receiver that answers slowly holds up only its own deliveries.
        """
        with self._database.transaction() as tx:
            claimed: list[tuple[Row, Row | None]] = []
            for receiver, endpoint in self._due_receivers(tx, now):
                room = min(limit - len(claimed), share - busy.get(receiver or "", 0))
                if room > 0:
                    query = self._due(receiver, now).limit(room)
                    claimed += [(row, endpoint) for row in tx.rows(query)]
            if not claimed:
                return []
            rows = [row for row, _ in claimed]
            token = DELIVERIES_DUE.lease(tx, rows, now, self._lease)
        return [Job(row, token, row["body"], endpoint) for row, endpoint in claimed]

    def record(
        self, deliveries: Sequence[Mapping[str, Any]], attempts: Sequence[Mapping[str, Any]]
    ) -> None:
        """Write the outcomes of leased deliveries and what happened in each attempt."""
        with self._database.transaction() as tx:
            DELIVERIES_DUE.settle(tx, deliveries)
            tx.insert(_ATTEMPTS, attempts)

    def record_data_started(
        self, delivery_id: str, token: str, now: datetime, until: datetime
    ) -> None:
        """Note, before an e-mail's DATA, that from here on its fate may become unknown.

        The lease is held until then, because an answer to DATA may take long.
        """
        row = {
            "id": delivery_id,
            "lease_token": token,
            "data_started_at": now,
            "available_at": until,
        }
        with self._database.transaction() as tx:
            DELIVERIES_DUE.settle(tx, [row])

    def disable(self, endpoint_id: str, reason: str, now: datetime) -> None:
        """Disable a subscription whose receiver is gone, and cancel what was on its way there."""
        with self._database.transaction() as tx:
            tx.execute(
                update(_SUBSCRIPTIONS)
                .where(_SUBSCRIPTIONS.c.id == endpoint_id)
                .values(enabled=False, disabled_reason=reason, updated_at=now)
            )
            tx.execute(
                update(_DELIVERIES)
                .where(
                    _DELIVERIES.c.channel == DeliveryChannel.WEBHOOK,
                    _DELIVERIES.c.receiver == endpoint_id,
                    _DELIVERIES.c.work_state == WorkState.READY,
                )
                # Without its token, a delivery in flight cannot come back by its result.
                .values(work_state=WorkState.CANCELLED, finished_at=now, lease_token=None)
            )

    def has_ready(self, connection: Connection, before: datetime) -> bool:
        """Tell whether a delivery that may be sent has been due since `before`."""
        due = self._ready().where(_DELIVERIES.c.available_at <= before)
        return bool(connection.execute(select(exists(due))).scalar_one())

    def next_due(self, connection: Connection, after: datetime) -> datetime | None:
        """Return when the next delivery becomes due after a moment."""
        query = (
            self._ready()
            .where(_DELIVERIES.c.available_at > after)
            .with_only_columns(func.min(_DELIVERIES.c.available_at))
        )
        found: datetime | None = connection.execute(query).scalar_one()
        return found

    def _ready(self) -> Select[Any]:
        ready = select(_DELIVERIES.c.id).where(
            _DELIVERIES.c.channel == self._channel, _DELIVERIES.c.work_state == WorkState.READY
        )
        if self._channel is DeliveryChannel.WEBHOOK:
            enabled = select(_SUBSCRIPTIONS.c.id).where(_SUBSCRIPTIONS.c.enabled)
            ready = ready.where(_DELIVERIES.c.receiver.in_(enabled))
        return ready

    def _due_receivers(self, tx: Transaction, now: datetime) -> list[tuple[str | None, Row | None]]:
        """Return the endpoints that have something due; e-mail has no endpoints and is one."""
        if self._channel is not DeliveryChannel.WEBHOOK:
            return [(None, None)]
        oldest = (
            select(func.min(_DELIVERIES.c.available_at))
            .where(
                _DELIVERIES.c.channel == self._channel,
                _DELIVERIES.c.receiver == _SUBSCRIPTIONS.c.id,
                _DELIVERIES.c.work_state == WorkState.READY,
            )
            .scalar_subquery()
        )
        query = (
            select(_SUBSCRIPTIONS, oldest.label("oldest"))
            .where(_SUBSCRIPTIONS.c.enabled, oldest <= now)
            .order_by("oldest")
            .limit(MAX_ENDPOINTS)
        )
        return [(row["id"], row) for row in tx.rows(query)]

    def _due(self, receiver: str | None, now: datetime) -> Select[Any]:
        """Return due deliveries that no earlier event of their ticket is still ahead of.

        Earlier means a delivery to the same receiver that is not finished, or an event that is not
        even fanned out yet: both are visible here until the transaction that handles them commits.
        """
        ahead = _DELIVERIES.alias("ahead")
        delivery_ahead = exists().where(
            and_(
                ahead.c.ticket_id == _DELIVERIES.c.ticket_id,
                ahead.c.receiver == _DELIVERIES.c.receiver,
                ahead.c.sequence < _DELIVERIES.c.sequence,
                ahead.c.work_state == WorkState.READY,
            )
        )
        event_ahead = exists().where(
            and_(
                _OUTBOX.c.ticket_id == _DELIVERIES.c.ticket_id,
                _OUTBOX.c.sequence < _DELIVERIES.c.sequence,
                _OUTBOX.c.work_state == WorkState.READY,
            )
        )
        query = (
            select(_DELIVERIES, _EVENTS.c.body, _EVENTS.c.correlation_id)
            .join(_EVENTS, _EVENTS.c.id == _DELIVERIES.c.event_id)
            .where(
                _DELIVERIES.c.channel == self._channel,
                _DELIVERIES.c.work_state == WorkState.READY,
                _DELIVERIES.c.available_at <= now,
                ~or_(delivery_ahead, event_ahead),
            )
            .order_by(_DELIVERIES.c.rank, _DELIVERIES.c.available_at)
            .with_for_update(skip_locked=True, of=_DELIVERIES)
        )
        return query if receiver is None else query.where(_DELIVERIES.c.receiver == receiver)
