"""Events become deliveries: one for each subscriber that wants the event, one for each mail."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from services.notifier import outbox
from shared.db.batch import run_batch
from shared.db.engine import Database, Row, Transaction
from shared.db.new_delivery import new_delivery
from shared.db.subscriber import Document, Subscriber
from shared.db.work_lists import EVENTS_TO_FAN_OUT
from shared.domain.clock import Clock
from shared.domain.delivery import (
    BULK_RANK,
    FIRST_ATTEMPT_RANK,
    DeliveryChannel,
    MailKind,
)
from shared.domain.event import EventType
from shared.domain.ticket import Lane
from shared.domain.work import ListName

#: Which mail an event sends, and to whom: a path into the event's data.
MAILS: dict[EventType, tuple[MailKind, tuple[str, ...]]] = {
    EventType.TICKET_CREATED: (MailKind.TICKET_RECEIVED, ("ticket", "requester")),
    EventType.TICKET_ASSIGNED: (MailKind.TICKET_ASSIGNED, ("assignment", "agent")),
    EventType.TICKET_RESOLVED: (MailKind.TICKET_RESOLVED, ("ticket", "requester")),
}


class FanOut:
    """Fans out up to `batch_size` events. Unique keys make a second try find its work done."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        ring: Callable[[ListName], None],
        batch_size: int,
        *,
        mail_enabled: bool,
    ) -> None:
        self._database = database
        self._clock = clock
        self._ring = ring
        self._batch_size = batch_size
        self._mail_enabled = mail_enabled

    def __call__(self) -> int:
        """Fan out one batch; return how many events it had."""
        count = run_batch(
            self._database, self._clock, EVENTS_TO_FAN_OUT, self._fan_out, self._batch_size
        )
        if count:
            self._ring(ListName.WEBHOOK)
            self._ring(ListName.EMAIL)
        return count

    def _fan_out(self, tx: Transaction, entries: Sequence[Row]) -> None:
        now = self._clock.now()
        ranks = {entry["id"]: entry["rank"] for entry in entries}
        subscribers = [Subscriber.of(row) for row in outbox.endpoints(tx)]
        deliveries: list[dict[str, Any]] = []
        for event in outbox.events(tx, list(ranks)):
            rank = BULK_RANK if ranks[event["id"]] >= Lane.BULK.rank * 10 else FIRST_ATTEMPT_RANK
            event_type = event["type"]
            document = Document(event["body"])
            deliveries += [
                new_delivery(event, DeliveryChannel.WEBHOOK, subscriber.id, "event", rank, now)
                for subscriber in subscribers
                if subscriber.wants(str(event_type), document)
            ]
            if self._mail_enabled and event_type in MAILS:
                kind, path = MAILS[event_type]
                address = _address(document.value["data"], path)
                if address:
                    deliveries.append(
                        new_delivery(event, DeliveryChannel.EMAIL, address, kind.value, rank, now)
                    )
        outbox.keep_deliveries(tx, list(ranks), deliveries, now)


def _address(data: Mapping[str, Any], path: Sequence[str]) -> str | None:
    value: Any = data
    for name in path:
        value = value[name]
    return value.get("email") or None
