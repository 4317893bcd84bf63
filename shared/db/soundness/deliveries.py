"""Deliveries: each tells something, to somebody who is there."""

from collections.abc import Iterator

from sqlalchemy import exists, select

from shared.db.models import Delivery, Subscription, TicketEvent
from shared.db.models.base import table
from shared.db.soundness.check import Check, Look, Question
from shared.db.types import READY, WEBHOOK

_DELIVERIES, _EVENTS = table(Delivery), table(TicketEvent)
_SUBSCRIPTIONS = table(Subscription)


def _empty(_: Look) -> Question:
    columns = _DELIVERIES.c
    query = select(columns.id, columns.event_id).where(
        columns.work_state == READY,
        columns.payload.is_(None),
        ~exists().where(_EVENTS.c.id == columns.event_id),
    )
    return Question(query)


def _nobodys(_: Look) -> Question:
    columns = _DELIVERIES.c
    query = select(columns.id, columns.receiver).where(
        columns.work_state == READY,
        columns.channel == WEBHOOK,
        ~exists().where(_SUBSCRIPTIONS.c.id == columns.receiver),
    )
    return Question(query)


def checks() -> Iterator[Check]:
    """Yield the checks of deliveries."""
    yield Check(
        "deliveries-of-events",
        "everything that is to be sent is an event, or carries a text of its own",
        _empty,
        lambda row: f"delivery {row['id']} is of {row['event_id']}, which is no event",
        "cancels it",
    )
    yield Check(
        "deliveries-to-somebody",
        "every webhook that is to be sent has a subscription",
        _nobodys,
        lambda row: f"delivery {row['id']} is for {row['receiver']}, which is no subscription",
        "cancels it",
    )
