"""POST /v1/webhooks/{id}/test: an event that tells nothing, to see whether it arrives."""

from collections.abc import Mapping
from copy import deepcopy
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from flask import Response, g

from services.intake import delivery_ledger, repository
from services.intake.api import webhooks
from services.intake.api.auth import requires
from services.intake.api.change import change
from services.intake.api.http import body, parts
from services.intake.event_catalogue import catalogue
from shared.db.engine import Row
from shared.db.new_delivery import new_delivery
from shared.db.types import dump_json
from shared.domain.clock import rfc3339
from shared.domain.delivery import FIRST_ATTEMPT_RANK, DeliveryChannel
from shared.domain.delivery_state import DeliveryState
from shared.domain.errors import Conflict
from shared.domain.event import OperationalEventType
from shared.domain.ids import Prefix, new_id
from shared.domain.work import ListName
from shared.schemas.delivery import QueuedDeliverySchema, TestWebhookSchema

#: The `kind` of a delivery that is a test.
TEST = "test"

_schema = QueuedDeliverySchema()

blp = webhooks.blp


@blp.route(f"/webhooks/{webhooks.SUBSCRIPTION_ID}/test", methods=["POST"])
@requires("webhooks:write", problems=(400, 401, 403, 404, 409, 413, 415, 422, 503))
@body(TestWebhookSchema())
@blp.response(202, QueuedDeliverySchema())
def test_subscription(content: Mapping[str, Any], subscription_id: str) -> Response:
    """Send a test event, whatever the subscription's event types and filter.

    It is signed, sent, tried again and kept like any other; its `sequence` is 0, which no event of
    a ticket has. 409 for a subscription that is disabled.
    """
    now = parts().now()
    with change() as unit:
        row = repository.one(
            unit.tx.flushed(), repository.SUBSCRIPTIONS, subscription_id, "subscription"
        )
        if not row["enabled"]:
            message = "This subscription is disabled; enable it first."
            raise Conflict(message)
        event = _event(content["event_type"], row, now)
        place = {"id": event["id"], "ticket_id": subscription_id, "sequence": 0}
        delivery = new_delivery(
            place,
            DeliveryChannel.WEBHOOK,
            subscription_id,
            TEST,
            FIRST_ATTEMPT_RANK,
            now,
            dump_json(event),
        )
        delivery_ledger.add(unit.tx, [delivery])
        unit.ring(ListName.WEBHOOK)
        document = _schema.dump({**delivery, "state": DeliveryState.PENDING})
        return unit.answer(document, 202, {"Location": f"/v1/deliveries/{delivery['id']}"})


def _event(event_type: str, subscription: Row, now: datetime) -> dict[str, Any]:
    """Return the example of a type, as if it happened now; a test names what is tested."""
    event: dict[str, Any] = deepcopy(catalogue()[event_type]["example"])
    event |= {
        "id": new_id(Prefix.EVENT),
        "timestamp": rfc3339(now),
        "sequence": 0,
        "correlation_id": g.request_id,
    }
    if event_type == OperationalEventType.WEBHOOK_TEST:
        event["data"]["webhook"] = {
            "id": subscription["id"],
            "host": urlsplit(subscription["url"]).hostname or "",
            "description": subscription["description"],
        }
    return event
