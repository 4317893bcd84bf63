"""The SQL of order within a ticket: what is ahead of a delivery, and what waits behind one."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Integer,
    Select,
    Text,
    and_,
    case,
    exists,
    func,
    or_,
    select,
    update,
)
from sqlalchemy.types import TypeEngine

from shared.db.engine import Transaction
from shared.db.models import Delivery, OutboxEntry, TicketEvent
from shared.db.models.base import table
from shared.db.octets import octets
from shared.db.types import READY, UTCDateTime
from shared.domain.delivery import HELD_RANK, REPLAY_RANK
from shared.domain.work import WorkState

_DELIVERIES, _EVENTS, _OUTBOX = table(Delivery), table(TicketEvent), table(OutboxEntry)

_FOLLOWING: dict[str, TypeEngine[Any]] = {
    "ticket_id": Text(),
    "receiver": Text(),
    "sequence": Integer(),
    "due": UTCDateTime(),
}


def something_ahead() -> ColumnElement[bool]:
    """Tell whether an earlier event of the ticket is not delivered to the same receiver yet.

    Earlier means a delivery that is not finished, or an event that is not even fanned out: both are
    visible here until the transaction that handles them commits.
    """
    ahead = _DELIVERIES.alias("ahead")
    delivery_ahead = exists().where(
        and_(
            ahead.c.ticket_id == _DELIVERIES.c.ticket_id,
            ahead.c.receiver == _DELIVERIES.c.receiver,
            ahead.c.sequence < _DELIVERIES.c.sequence,
            ahead.c.work_state == READY,
            ahead.c.rank != HELD_RANK,
            or_(ahead.c.rank < REPLAY_RANK, _DELIVERIES.c.rank == REPLAY_RANK),
        )
    )
    event_ahead = exists().where(
        and_(
            _OUTBOX.c.ticket_id == _DELIVERIES.c.ticket_id,
            _OUTBOX.c.sequence < _DELIVERIES.c.sequence,
            # All that is not ready in the outbox is dead. Asked like this, PostgreSQL cannot go by
            # the index of what is ready, which it would read whole for each row.
            _OUTBOX.c.work_state != WorkState.DEAD,
        )
    )
    return or_(delivery_ahead, event_ahead)


_BODY = func.coalesce(_DELIVERIES.c.payload, _EVENTS.c.body)


def with_body(condition: ColumnElement[bool], at_most: int | None = None) -> Select[Any]:
    """Return a query of ready deliveries with what they carry, the most urgent first, locked.

    A body of more than `at_most` bytes is null; `octets` says how long it is. See `bodies_of`.
    """
    length = func.coalesce(octets(_BODY), 0)
    body = _BODY if at_most is None else case((length <= at_most, _BODY))
    return (
        select(
            _DELIVERIES,
            body.label("body"),
            length.label("octets"),
            _EVENTS.c.correlation_id,
            _EVENTS.c.traceparent,
        )
        .outerjoin(_EVENTS, _EVENTS.c.id == _DELIVERIES.c.event_id)
        .where(_DELIVERIES.c.work_state == READY, condition)
        .order_by(_DELIVERIES.c.rank, _DELIVERIES.c.available_at)
        .with_for_update(skip_locked=True, of=_DELIVERIES)
    )


def bodies_of(tx: Transaction, delivery_ids: Sequence[str]) -> dict[str, str]:
    """Return what deliveries carry, by their ids."""
    query = (
        select(_DELIVERIES.c.id, _BODY.label("body"))
        .outerjoin(_EVENTS, _EVENTS.c.id == _DELIVERIES.c.event_id)
        .where(_DELIVERIES.c.id.in_(delivery_ids))
    )
    return {row["id"]: row["body"] for row in tx.rows(query)}


def move_followers(tx: Transaction, rows: Sequence[Mapping[str, Any]]) -> None:
    """Give later events of a ticket the time at which the one ahead of them is due.

    A follower whose predecessor rests for hours must rest too; left ready it would be looked at,
    and passed over, by every claim until then. What is sent again keeps its own time, which its
    pace gave it, unless that comes sooner. `rows` have the place of the one ahead and `due`.
    """
    if not rows:
        return
    ahead = tx.dialect.rows_as_table("ahead", _FOLLOWING)
    keeps_its_time = and_(
        _DELIVERIES.c.rank >= REPLAY_RANK, _DELIVERIES.c.available_at > ahead.c.due
    )
    statement = (
        update(_DELIVERIES)
        .where(
            _DELIVERIES.c.ticket_id == ahead.c.ticket_id,
            _DELIVERIES.c.receiver == ahead.c.receiver,
            _DELIVERIES.c.sequence > ahead.c.sequence,
            _DELIVERIES.c.work_state == READY,
            # What is held waits for a time that its receiver chose.
            _DELIVERIES.c.rank != HELD_RANK,
            ~keeps_its_time,
        )
        .values(available_at=ahead.c.due)
    )
    tx.execute(statement, tx.dialect.rows_parameters("ahead", rows))
