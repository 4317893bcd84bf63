"""Intake's SQL for deliveries: reading who was told what, and sending it again."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, exists, func, or_, select, tuple_

from services.intake.repository import SUBSCRIPTIONS, TICKETS, Rows, one
from shared.db.engine import Row, Transaction, first, rows
from shared.db.models import Delivery, DeliveryAttempt, MailDigestEntry, OutboxEntry, TicketEvent
from shared.db.models.base import table
from shared.db.new_delivery import new_delivery
from shared.db.subscriber import Document, Subscriber
from shared.db.types import dump_json, load_json
from shared.domain.delivery import REPLAY_RANK, DeliveryChannel
from shared.domain.delivery_state import WORK_STATES, DeliveryState
from shared.domain.errors import FieldError, InvalidInput, NotFound
from shared.domain.event import EventType
from shared.domain.ids import Prefix, first_id
from shared.domain.work import WorkState

DELIVERIES, _ATTEMPTS = table(Delivery), table(DeliveryAttempt)
_EVENTS, _OUTBOX, _ENTRIES = table(TicketEvent), table(OutboxEntry), table(MailDigestEntry)

#: Attempts that are shown of one delivery.
MAX_TRIES = 100
#: Events that are read at once when what was missed is looked for.
_EVENTS_AT_ONCE = 1000
#: Events that are looked through at the most: the subscription is locked meanwhile.
MAX_EVENTS = 50_000

#: What is sent again unless told otherwise: events twice do no harm, mails do.
UNDELIVERED = (DeliveryState.FAILED, DeliveryState.CANCELLED, DeliveryState.UNKNOWN)
UNDELIVERED_MAILS = (DeliveryState.FAILED,)
#: By how much the id of a delivery may be made later than its `created_at`.
_LONGEST_BATCH = timedelta(minutes=10)


def delivery(connection: Connection, delivery_id: str) -> Row:
    """Return a delivery with the type of its event; raises NotFound."""
    row = first(connection, _typed().where(DELIVERIES.c.id == delivery_id))
    if row is None:
        message = f"There is no delivery {delivery_id!r}."
        raise NotFound(message)
    return row


def attempts(connection: Connection, delivery_id: str) -> Rows:
    """Return the latest attempts of a delivery, the oldest first."""
    query = (
        select(_ATTEMPTS)
        .where(_ATTEMPTS.c.delivery_id == delivery_id)
        .order_by(_ATTEMPTS.c.id.desc())
        .limit(MAX_TRIES)
    )
    return rows(connection, query)[::-1]


def require_receiver(connection: Connection, subscription_id: str) -> None:
    """Raise NotFound for a subscription that never was; what a deleted one was sent is kept."""
    sent = exists().where(
        DELIVERIES.c.receiver == subscription_id, DELIVERIES.c.channel == DeliveryChannel.WEBHOOK
    )
    if not connection.execute(select(sent)).scalar_one():
        one(connection, SUBSCRIPTIONS, subscription_id, "subscription")


def of_receiver(
    connection: Connection,
    receiver: str,
    filters: Mapping[str, Any],
    after: Sequence[Any] | None,
    limit: int,
) -> Rows:
    """Return deliveries to a subscription, the newest first; `after` is a time and an id."""
    query = _typed().where(*_conditions({**filters, "receiver": receiver}))
    place = (DELIVERIES.c.created_at, DELIVERIES.c.id)
    if after is not None:
        moment, delivery_id = after
        query = query.where(tuple_(*place) < (datetime.fromisoformat(moment), delivery_id))
    return rows(connection, query.order_by(*(each.desc() for each in place)).limit(limit))


def found(
    connection: Connection, filters: Mapping[str, Any], after: str | None, limit: int
) -> Rows:
    """Return deliveries of any channel, the newest first; `after` is an id.

    Ids begin with the time at which they are made, right after `created_at`: so a span of time is a
    part of the primary key.
    """
    query = _typed().where(*_conditions(filters))
    if "created_after" in filters:
        query = query.where(DELIVERIES.c.id >= first_id(Prefix.DELIVERY, filters["created_after"]))
    if "created_before" in filters:
        end = filters["created_before"] + _LONGEST_BATCH
        query = query.where(DELIVERIES.c.id < first_id(Prefix.DELIVERY, end))
    if after is not None:
        query = query.where(DELIVERIES.c.id < after)
    return rows(connection, query.order_by(DELIVERIES.c.id.desc()).limit(limit))


def of_ticket(
    connection: Connection, ticket_id: str, after: Sequence[Any] | None, limit: int
) -> Rows:
    """Return who was told what about a ticket, in its order; raises NotFound.

    `after` is a sequence and an id.
    """
    one(connection, TICKETS, ticket_id, "ticket")
    query = _typed().where(_EVENTS.c.ticket_id == ticket_id)
    if after is not None:
        query = query.where(tuple_(_EVENTS.c.sequence, DELIVERIES.c.id) > tuple(after))
    query = query.order_by(_EVENTS.c.sequence, DELIVERIES.c.id).limit(limit)
    return rows(connection, query)


#: Deliveries with the events that they tell of, and those that are nobody's any more left out.
_FOUND = DELIVERIES.outerjoin(_EVENTS, _EVENTS.c.id == DELIVERIES.c.event_id)
_NOT_ERASED = ~DELIVERIES.c.receiver.startswith("erased:")


def count_to_replay(connection: Connection, filters: Mapping[str, Any]) -> int:
    """Return how many deliveries `to_replay` would find without a limit."""
    query = select(func.count()).select_from(_FOUND).where(_NOT_ERASED, *_conditions(filters))
    return int(connection.execute(query).scalar_one())


def to_replay(tx: Transaction, filters: Mapping[str, Any], limit: int) -> list[str]:
    """Lock deliveries that are over; return their ids, the oldest first.

    `filters` name their states, and the subscription as `receiver` or the channel.
    """
    query = (
        select(DELIVERIES.c.id)
        .select_from(_FOUND)
        .where(_NOT_ERASED, *_conditions(filters))
        .order_by(DELIVERIES.c.created_at, DELIVERIES.c.id)
        .limit(limit)
        .with_for_update(of=DELIVERIES)
    )
    return list(tx.execute(query).scalars())


def add(tx: Transaction, deliveries: Sequence[Mapping[str, Any]]) -> None:
    """Put new deliveries on their way."""
    tx.insert(DELIVERIES, deliveries)


def replay(tx: Transaction, due: Mapping[str, datetime]) -> None:
    """Make deliveries ready again, each at its moment; their attempts begin anew."""
    fresh = {
        "work_state": WorkState.READY.value,
        "rank": REPLAY_RANK,
        "attempts": 0,
        "last_error": None,
        "finished_at": None,
        "lease_token": None,
        "data_started_at": None,
    }
    changed = [{"id": each, "available_at": moment, **fresh} for each, moment in due.items()]
    tx.update(DELIVERIES, changed)
    # What a digest told is told anew, and no longer as a part of that one.
    tx.delete(_ENTRIES, list(due))


def missed(connection: Connection, subscription: Row, filters: Mapping[str, Any]) -> Iterator[Row]:
    """Yield events that a subscription wants and that were never meant for it, the oldest first.

    `filters` has `created_after`, and may have `created_before`, `event_types` and `ticket_id`.
    Raises InvalidInput when more than MAX_EVENTS would have to be looked through.
    """
    subscriber = Subscriber.of(subscription)
    for event in _not_meant_for(connection, subscription["id"], filters):
        document = Document(event["body"])
        if subscriber.wants(str(event["type"]), document) and not _imported(event, document):
            yield event


def add_missed(
    tx: Transaction, receiver: str, due: Sequence[tuple[Row, datetime]], now: datetime
) -> None:
    """Put events on their way to a subscription, each at its moment."""
    added = [
        {
            **new_delivery(event, DeliveryChannel.WEBHOOK, receiver, "event", REPLAY_RANK, now),
            "available_at": moment,
        }
        for event, moment in due
    ]
    add(tx, added)


def event_type(row: Row) -> str | None:
    """Return what a delivery tells, as `_typed` reads it."""
    if row["payload"] is not None:
        return str(load_json(row["payload"])["type"])
    return None if row["event_type"] is None else str(row["event_type"])


def _typed() -> Select[Any]:
    source = DELIVERIES.outerjoin(_EVENTS, _EVENTS.c.id == DELIVERIES.c.event_id)
    return select(DELIVERIES, _EVENTS.c.type.label("event_type")).select_from(source)


def _conditions(filters: Mapping[str, Any]) -> Iterator[ColumnElement[bool]]:
    states = filters.get("states") or ([filters["state"]] if "state" in filters else [])
    if states:
        yield DELIVERIES.c.work_state.in_([WORK_STATES[state] for state in states])
    types = filters.get("event_types") or (
        [filters["event_type"]] if "event_type" in filters else []
    )
    if types:
        yield _tells(types)
    if "ticket_id" in filters:
        # The index of deliveries by ticket has those that are ready; events lead to all of them.
        by_ticket = DELIVERIES if "receiver" in filters else _EVENTS
        yield by_ticket.c.ticket_id == filters["ticket_id"]
    for name in ("channel", "receiver", "kind"):
        if name in filters:
            yield DELIVERIES.c[name] == filters[name]
    if "kinds" in filters:
        yield DELIVERIES.c.kind.in_(filters["kinds"])
    if "created_after" in filters:
        yield DELIVERIES.c.created_at >= filters["created_after"]
    if "created_before" in filters:
        yield DELIVERIES.c.created_at < filters["created_before"]


def _tells(types: Sequence[str]) -> ColumnElement[bool]:
    """Say that a delivery tells one of these types, of a ticket or in a payload of its own.

    The envelope as it is written has the version right behind the type, and within a text the
    quotes would be escaped.
    """
    own = (
        DELIVERIES.c.payload.contains(f'"type":{dump_json(each)},"version":', autoescape=True)
        for each in types
    )
    return or_(_EVENTS.c.type.in_(_of_tickets(types)), *own)


def _of_tickets(types: Sequence[str]) -> list[EventType]:
    return [each for each in EventType if each.value in types]


def _imported(event: Row, document: Document) -> bool:
    """Tell whether an event is one of the past, of which nobody is told."""
    return '"imported":true' in event["body"] and bool(document.value["data"].get("imported"))


def _not_meant_for(
    connection: Connection, receiver: str, filters: Mapping[str, Any]
) -> Iterator[Row]:
    """Yield events that have no delivery to a subscription and are fanned out already.

    One statement asks for both, or an event that is fanned out in between would go twice. Ids begin
    with the time, so a moment is a place in the primary key. Raises InvalidInput for too many.
    """
    known = exists().where(
        DELIVERIES.c.event_id == _EVENTS.c.id,
        DELIVERIES.c.channel == DeliveryChannel.WEBHOOK,
        DELIVERIES.c.receiver == receiver,
    )
    query = (
        select(
            _EVENTS.c.id, _EVENTS.c.ticket_id, _EVENTS.c.sequence, _EVENTS.c.type, _EVENTS.c.body
        )
        .where(~known, ~exists().where(_OUTBOX.c.id == _EVENTS.c.id))
        .order_by(_EVENTS.c.id)
        .limit(_EVENTS_AT_ONCE)
    )
    if "created_before" in filters:
        query = query.where(_EVENTS.c.id < first_id(Prefix.EVENT, filters["created_before"]))
    if "event_types" in filters:
        query = query.where(_EVENTS.c.type.in_(_of_tickets(filters["event_types"])))
    if "ticket_id" in filters:
        query = query.where(_EVENTS.c.ticket_id == filters["ticket_id"])
    beginning = first_id(Prefix.EVENT, filters["created_after"])
    batch = rows(connection, query.where(_EVENTS.c.id >= beginning))
    seen = 0
    while batch:
        seen += len(batch)
        if seen > MAX_EVENTS:
            detail = f"More than {MAX_EVENTS} events; narrow it by `created_before`, and ask again."
            raise InvalidInput(detail, [FieldError("/created_before", detail)])
        yield from batch
        batch = rows(connection, query.where(_EVENTS.c.id > batch[-1]["id"]))
