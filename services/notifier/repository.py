"""The notifier's SQL for deliveries: leasing those that are due, keeping their results."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    Connection,
    Integer,
    Select,
    Text,
    and_,
    exists,
    func,
    or_,
    select,
    update,
)
from sqlalchemy.types import TypeEngine

from shared.db.engine import Database, Row, Transaction
from shared.db.models import Delivery, DeliveryAttempt, OutboxEntry, Subscription, TicketEvent
from shared.db.models.base import table
from shared.db.types import READY, UTCDateTime
from shared.db.work_lists import DELIVERIES_DUE
from shared.domain.delivery import REPLAY_RANK, DeliveryChannel
from shared.domain.work import WorkState
from shared.observability.logging import get_logger

_DELIVERIES, _ATTEMPTS = table(Delivery), table(DeliveryAttempt)
_SUBSCRIPTIONS, _EVENTS, _OUTBOX = table(Subscription), table(TicketEvent), table(OutboxEntry)

_FOLLOWING: dict[str, TypeEngine[Any]] = {
    "ticket_id": Text(),
    "receiver": Text(),
    "sequence": Integer(),
    "due": UTCDateTime(),
}

log = get_logger()

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
            full = [receiver for receiver, count in busy.items() if count >= share]
            for receiver, endpoint in self._due_receivers(tx, now, full):
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
        self,
        deliveries: Sequence[Mapping[str, Any]],
        attempts: Sequence[Mapping[str, Any]],
        gone: Mapping[str, str],
        now: datetime,
    ) -> None:
        """Write the outcomes of leased deliveries and what happened in each attempt.

        `gone` names endpoints that asked for no more, with the reason: they are disabled, and what
        was on its way there is cancelled.
        """
        with self._database.transaction() as tx:
            DELIVERIES_DUE.settle(tx, [row["values"] for row in deliveries])
            # Once more is no harm: the reply to a first commit may have been lost.
            tx.insert_new(_ATTEMPTS, attempts)
            _move_followers(tx, [row for row in deliveries if row["moves_followers"]])
            for endpoint_id, reason in gone.items():
                _disable(tx, endpoint_id, reason, now)
                log.warning("subscription.disabled", subscription=endpoint_id, reason=reason)

    def record_data_started(
        self, delivery_id: str, token: str, now: datetime, until: datetime
    ) -> bool:
        """Note, before an e-mail's DATA, that from here on its fate may become unknown.

        The lease is held until then, because an answer to DATA may take long. Returns False when
        the lease was lost: somebody else is sending this mail, or has.
        """
        statement = (
            update(_DELIVERIES)
            .where(
                _DELIVERIES.c.id == delivery_id,
                _DELIVERIES.c.lease_token == token,
                _DELIVERIES.c.work_state == READY,
                _DELIVERIES.c.available_at > now,
            )
            .values(data_started_at=now, available_at=until)
            .returning(_DELIVERIES.c.id)
        )
        with self._database.transaction() as tx:
            return tx.first(statement) is not None

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
            _DELIVERIES.c.channel == self._channel, _DELIVERIES.c.work_state == READY
        )
        if self._channel is DeliveryChannel.WEBHOOK:
            enabled = select(_SUBSCRIPTIONS.c.id).where(_SUBSCRIPTIONS.c.enabled)
            ready = ready.where(_DELIVERIES.c.receiver.in_(enabled))
        return ready

    def _due_receivers(
        self, tx: Transaction, now: datetime, full: Sequence[str]
    ) -> list[tuple[str | None, Row | None]]:
        """Return the endpoints that have something due; e-mail has no endpoints and is one."""
        if self._channel is not DeliveryChannel.WEBHOOK:
            return [(None, None)]
        oldest = (
            select(func.min(_DELIVERIES.c.available_at))
            .where(
                _DELIVERIES.c.channel == self._channel,
                _DELIVERIES.c.receiver == _SUBSCRIPTIONS.c.id,
                _DELIVERIES.c.work_state == READY,
            )
            .scalar_subquery()
        )
        query = (
            select(_SUBSCRIPTIONS, oldest.label("oldest"))
            .where(_SUBSCRIPTIONS.c.enabled, _SUBSCRIPTIONS.c.id.not_in(full), oldest <= now)
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
                ahead.c.work_state == READY,
                or_(ahead.c.rank < REPLAY_RANK, _DELIVERIES.c.rank == REPLAY_RANK),
            )
        )
        event_ahead = exists().where(
            and_(
                _OUTBOX.c.ticket_id == _DELIVERIES.c.ticket_id,
                _OUTBOX.c.sequence < _DELIVERIES.c.sequence,
                # All that is not ready in the outbox is dead. Asked like this, PostgreSQL cannot
                # go by the index of what is ready, which it would read whole for each row.
                _OUTBOX.c.work_state != WorkState.DEAD,
            )
        )
        body = func.coalesce(_DELIVERIES.c.payload, _EVENTS.c.body)
        query = (
            select(_DELIVERIES, body.label("body"), _EVENTS.c.correlation_id)
            .outerjoin(_EVENTS, _EVENTS.c.id == _DELIVERIES.c.event_id)
            .where(
                _DELIVERIES.c.channel == self._channel,
                _DELIVERIES.c.work_state == READY,
                _DELIVERIES.c.available_at <= now,
                ~or_(delivery_ahead, event_ahead),
            )
            .order_by(_DELIVERIES.c.rank, _DELIVERIES.c.available_at)
            .with_for_update(skip_locked=True, of=_DELIVERIES)
        )
        return query if receiver is None else query.where(_DELIVERIES.c.receiver == receiver)


def _move_followers(tx: Transaction, rows: Sequence[Mapping[str, Any]]) -> None:
    """Give later events of a ticket the time at which the one ahead of them is due.

    A follower whose predecessor rests for hours must rest too; left ready it would be looked at,
    and passed over, by every claim until then.
    """
    if not rows:
        return
    ahead = tx.dialect.rows_as_table("ahead", _FOLLOWING)
    statement = (
        update(_DELIVERIES)
        .where(
            _DELIVERIES.c.ticket_id == ahead.c.ticket_id,
            _DELIVERIES.c.receiver == ahead.c.receiver,
            _DELIVERIES.c.sequence > ahead.c.sequence,
            _DELIVERIES.c.work_state == READY,
        )
        .values(available_at=ahead.c.due)
    )
    due = [{**row["place"], "due": row["values"]["available_at"]} for row in rows]
    tx.execute(statement, tx.dialect.rows_parameters("ahead", due))


def _disable(tx: Transaction, endpoint_id: str, reason: str, now: datetime) -> None:
    """Disable a subscription whose receiver is gone, and cancel what was on its way there."""
    tx.execute(
        update(_SUBSCRIPTIONS)
        .where(_SUBSCRIPTIONS.c.id == endpoint_id)
        .values(enabled=False, disabled_reason=reason, disabled_at=now, updated_at=now)
    )
    tx.execute(
        update(_DELIVERIES)
        .where(
            _DELIVERIES.c.channel == DeliveryChannel.WEBHOOK,
            _DELIVERIES.c.receiver == endpoint_id,
            _DELIVERIES.c.work_state == READY,
        )
        # Without its token, a delivery in flight cannot come back by its result.
        .values(work_state=WorkState.CANCELLED, finished_at=now, lease_token=None)
    )
