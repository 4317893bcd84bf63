"""Events: numbered without a gap, and each told to whoever wants it or about to be."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Text, and_, exists, func, or_, select
from sqlalchemy.types import TypeEngine

from shared.db.engine import rows
from shared.db.models import (
    Delivery,
    DroppedWork,
    OutboxEntry,
    Subscription,
    Ticket,
    TicketEvent,
)
from shared.db.models.base import table
from shared.db.soundness.check import Check, Look, Question
from shared.db.types import WEBHOOK, UTCDateTime
from shared.domain.event_pattern import types_of
from shared.domain.ids import Prefix, first_id
from shared.domain.work import ListName

_TICKETS, _EVENTS, _OUTBOX = table(Ticket), table(TicketEvent), table(OutboxEntry)
_DELIVERIES, _SUBSCRIPTIONS = table(Delivery), table(Subscription)
_DROPPED = table(DroppedWork)

#: A subscription and a type that it wants, of events after a moment.
_WANTED: dict[str, TypeEngine[Any]] = {
    "receiver": Text(),
    "type": Text(),
    "after": UTCDateTime(),
}


def _sequences(_: Look) -> Question:
    told = (
        select(
            _EVENTS.c.ticket_id,
            func.count().label("events"),
            func.min(_EVENTS.c.sequence).label("first"),
            func.max(_EVENTS.c.sequence).label("last"),
        )
        .group_by(_EVENTS.c.ticket_id)
        .subquery("told")
    )
    # As many as the last one says, from 1: the numbers are unique, so none is missing.
    broken = or_(
        told.c.events.is_(None),
        told.c.events != _TICKETS.c.version,
        told.c.first != 1,
        told.c.last != _TICKETS.c.version,
    )
    query = (
        select(
            _TICKETS.c.id,
            _TICKETS.c.number,
            _TICKETS.c.version,
            func.coalesce(told.c.events, 0).label("events"),
            func.coalesce(told.c.first, 0).label("first"),
            func.coalesce(told.c.last, 0).label("last"),
        )
        .select_from(_TICKETS.outerjoin(told, told.c.ticket_id == _TICKETS.c.id))
        .where(broken)
    )
    return Question(query)


def _untold(look: Look) -> Question | None:
    """Return events that a subscription wanted and that are neither delivered nor on the outbox.

    Asked of subscriptions without a filter that did not change since; what an e-mail is made of,
    and what a filter says, only fan-out can tell. Somebody who subscribed in the very moment may
    have missed it: hence the patience.
    """
    enabled = select(_SUBSCRIPTIONS.c.id, _SUBSCRIPTIONS.c.event_types, _SUBSCRIPTIONS.c.updated_at)
    steady = rows(
        look.connection,
        enabled.where(_SUBSCRIPTIONS.c.enabled, _SUBSCRIPTIONS.c.filter.is_(None)),
    )
    since = look.now - look.telling
    wanted = [
        {
            "receiver": row["id"],
            "type": each,
            "after": max(since, row["updated_at"] + look.patience),
        }
        for row in steady
        for each in sorted(types_of(tuple(row["event_types"])))
    ]
    if not wanted:
        return None
    given = look.dialect.rows_as_table("wanted", _WANTED)
    made = exists().where(
        _DELIVERIES.c.event_id == _EVENTS.c.id,
        _DELIVERIES.c.channel == WEBHOOK,
        _DELIVERIES.c.receiver == given.c.receiver,
    )
    dropped = exists().where(
        _DROPPED.c.list == ListName.EVENTS.value, _DROPPED.c.key == _EVENTS.c.id
    )
    missing = (
        select(_EVENTS.c.id, given.c.receiver)
        .select_from(_EVENTS.join(given, _EVENTS.c.type == given.c.type))
        .where(
            _EVENTS.c.id >= first_id(Prefix.EVENT, since),
            _EVENTS.c.occurred_at > given.c.after,
            ~exists().where(_OUTBOX.c.id == _EVENTS.c.id),
            ~made,
            ~dropped,
        )
        # Apart from the rest, so that texts are read of what is missing only, and not of all.
        .cte("missing")
        .prefix_with("MATERIALIZED")
    )
    query = (
        select(_EVENTS.c.id, missing.c.receiver, _EVENTS.c.ticket_id, _EVENTS.c.sequence)
        .join(missing, missing.c.id == _EVENTS.c.id)
        .where(~_EVENTS.c.body.contains('"imported":true'))
    )
    return Question(query, look.dialect.rows_parameters("wanted", wanted))


def _unfounded(_: Look) -> Question:
    query = select(_OUTBOX.c.id, _OUTBOX.c.ticket_id).where(
        ~exists().where(and_(_EVENTS.c.id == _OUTBOX.c.id))
    )
    return Question(query)


def checks() -> Iterator[Check]:
    """Yield the checks of events."""
    yield Check(
        "sequences",
        "the events of every ticket are numbered 1, 2, 3 … up to its version",
        _sequences,
        lambda row: (
            f"ticket {row['number']} is at version {row['version']} and has {row['events']} "
            f"events, {row['first']} to {row['last']}"
        ),
    )
    yield Check(
        "events-told",
        "every event is on the outbox or became a delivery to each subscription that wants it",
        _untold,
        lambda row: f"event {row['id']} never became a delivery to {row['receiver']}",
        "puts the event on the outbox again, or makes the one delivery that is missing",
    )
    yield Check(
        "outbox-founded",
        "everything on the outbox is an event",
        _unfounded,
        lambda row: f"the outbox has {row['id']}, which is no event",
    )
