"""Events become deliveries: one for each subscriber that wants the event, one for each mail."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from time import time_ns
from typing import Any

from services.notifier import outbox
from services.notifier.mail.kinds import TELLING, mails_of
from shared.db.batch import run_batch
from shared.db.engine import Database, Row, Transaction
from shared.db.new_delivery import new_delivery
from shared.db.subscriber import Document, Subscriber
from shared.db.work_lists import EVENTS_TO_FAN_OUT
from shared.domain.clock import Clock
from shared.domain.delivery import BULK_RANK, FIRST_ATTEMPT_RANK, DeliveryChannel
from shared.domain.ticket import Lane
from shared.domain.work import ListName
from shared.failpoints import failpoint
from shared.observability import tracing


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
        alerts_to: Sequence[str] = (),
    ) -> None:
        self._database = database
        self._clock = clock
        self._ring = ring
        self._batch_size = batch_size
        self._mail_enabled = mail_enabled
        self._alerts_to = alerts_to

    def __call__(self) -> int:
        """Fan out one batch; return how many events it had."""
        count = run_batch(
            self._database, self._clock, EVENTS_TO_FAN_OUT, self._fan_out, self._batch_size
        )
        if count:
            failpoint("fan_out.committed")
            # Also if nobody wanted these: a delivery of a later event may have waited for one.
            self._ring(ListName.WEBHOOK)
            self._ring(ListName.EMAIL)
        return count

    def _fan_out(self, tx: Transaction, entries: Sequence[Row]) -> None:
        failpoint("fan_out.claimed")
        began = time_ns()
        now = self._clock.now()
        ranks = {entry["id"]: entry["rank"] for entry in entries}
        subscribers = [Subscriber.of(row) for row in outbox.endpoints(tx)]
        deliveries: list[dict[str, Any]] = []
        events = outbox.events(tx, list(ranks))
        for event in events:
            rank = BULK_RANK if ranks[event["id"]] >= Lane.BULK.rank * 10 else FIRST_ATTEMPT_RANK
            event_type = event["type"]
            document = Document(event["body"])
            deliveries += [
                new_delivery(event, DeliveryChannel.WEBHOOK, subscriber.id, "event", rank, now)
                for subscriber in subscribers
                if subscriber.wants(str(event_type), document)
            ]
            if self._mail_enabled and event_type in TELLING:
                data = document.value["data"]
                deliveries += [
                    new_delivery(event, DeliveryChannel.EMAIL, to.address, kind.value, rank, now)
                    for kind, to in mails_of(event_type, data, self._alerts_to)
                ]
        outbox.keep_deliveries(tx, list(ranks), deliveries, now)
        if tracing.on():
            # What is rolled back was not fanned out.
            tx.once_committed(partial(_leave_spans, events, deliveries, began))
        failpoint("fan_out.made")


def _leave_spans(
    events: Sequence[Row], deliveries: Sequence[Mapping[str, Any]], started_ns: int
) -> None:
    """Leave a span in the trace of each event, and link the batch to all of them."""
    tracing.claimed(events)
    made = Counter(delivery["event_id"] for delivery in deliveries)
    for event in events:
        attributes: tracing.Attributes = {
            "patchbay.ticket.id": event["ticket_id"],
            "patchbay.event.id": event["id"],
            "patchbay.event.type": event["type"],
            "patchbay.event.deliveries": made[event["id"]],
        }
        tracing.past("notifier.fan_out", event["traceparent"], started_ns, attributes)
