"""News about a webhook that fails: an event for who asked for such, and a mail to its owner.

Never to the endpoint itself, which would not get it; and what is told of it is its id and host, not
its URL, whose path is often a token.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import select

from services.notifier.health import News, NewsKind
from shared.db.engine import Row, Transaction
from shared.db.models import Delivery, Subscription
from shared.db.models.base import table
from shared.db.new_delivery import new_delivery
from shared.db.subscriber import Document, Subscriber
from shared.db.types import dump_json
from shared.domain.clock import rfc3339
from shared.domain.delivery import FIRST_ATTEMPT_RANK, DeliveryChannel, OwnerMailKind
from shared.domain.event import OperationalEventType
from shared.domain.ids import Prefix, new_id

_DELIVERIES, _SUBSCRIPTIONS = table(Delivery), table(Subscription)

#: What of an endpoint's row is told, or decides whom.
NEEDED = ("id", "url", "description", "owner_email")

_TYPES = {
    NewsKind.FAILING: OperationalEventType.WEBHOOK_FAILING,
    NewsKind.DISABLED: OperationalEventType.WEBHOOK_DISABLED,
    NewsKind.RECOVERED: OperationalEventType.WEBHOOK_RECOVERED,
}
_MAILS = {
    NewsKind.FAILING: OwnerMailKind.WEBHOOK_FAILING,
    NewsKind.DISABLED: OwnerMailKind.WEBHOOK_DISABLED,
    NewsKind.RECOVERED: OwnerMailKind.WEBHOOK_RECOVERED,
}


def tell(
    tx: Transaction,
    told: Mapping[str, tuple[Row, Sequence[News]]],
    now: datetime,
    *,
    mail_enabled: bool,
) -> None:
    """Put news on their way; `told` has those of each endpoint, with what is NEEDED of its row."""
    if not told:
        return
    query = (
        select(_SUBSCRIPTIONS.c.id, _SUBSCRIPTIONS.c.event_types, _SUBSCRIPTIONS.c.filter)
        .where(_SUBSCRIPTIONS.c.enabled)
        .order_by(_SUBSCRIPTIONS.c.id)
    )
    subscribers = [Subscriber.of(row) for row in tx.rows(query)]
    deliveries: list[dict[str, Any]] = []
    for endpoint, news in told.values():
        for each in news:
            event = operational_event(endpoint, each)
            deliveries += _webhooks(event, endpoint, subscribers, now)
            if mail_enabled and endpoint["owner_email"]:
                address, kind = endpoint["owner_email"], _MAILS[each.kind].value
                about = endpoint["id"]
                deliveries.append(
                    _delivery(event, DeliveryChannel.EMAIL, address, kind, about, now)
                )
    tx.insert(_DELIVERIES, deliveries)


def operational_event(endpoint: Row, news: News) -> dict[str, Any]:
    """Return the event, in the envelope of all events; no ticket has it, so its sequence is 0."""
    event_id = new_id(Prefix.EVENT)
    return {
        "id": event_id,
        "type": _TYPES[news.kind].value,
        "version": 1,
        "timestamp": rfc3339(news.at),
        "sequence": 0,
        "correlation_id": event_id,
        "data": {
            "webhook": {
                "id": endpoint["id"],
                "host": urlsplit(endpoint["url"]).hostname or "",
                "description": endpoint["description"],
            },
            "failing_since": rfc3339(news.since),
            "failures": news.failures,
            "reason": news.reason,
        },
    }


def _webhooks(
    event: Mapping[str, Any], endpoint: Row, subscribers: Sequence[Subscriber], now: datetime
) -> Iterator[dict[str, Any]]:
    document = Document(dump_json(event))
    for subscriber in subscribers:
        if subscriber.id != endpoint["id"] and subscriber.wants(event["type"], document):
            to = subscriber.id
            yield _delivery(event, DeliveryChannel.WEBHOOK, to, "event", to, now)


def _delivery(
    event: Mapping[str, Any],
    channel: DeliveryChannel,
    receiver: str,
    kind: str,
    subscription_id: str,
    now: datetime,
) -> dict[str, Any]:
    stands_for = {"id": event["id"], "ticket_id": subscription_id, "sequence": 0}
    return new_delivery(
        stands_for, channel, receiver, kind, FIRST_ATTEMPT_RANK, now, dump_json(event)
    )
