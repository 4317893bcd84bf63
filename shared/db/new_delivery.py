"""The row of a new delivery, the same whoever makes one."""

from datetime import datetime
from typing import Any

from shared.db.engine import Row
from shared.domain.delivery import DeliveryChannel
from shared.domain.ids import Prefix, new_id
from shared.domain.work import WorkState


def new_delivery(
    event: Row,
    channel: DeliveryChannel,
    receiver: str,
    kind: str,
    rank: int,
    now: datetime,
    payload: str | None = None,
) -> dict[str, Any]:
    """Return a delivery that is due now.

    `event` has `id`, `ticket_id` and `sequence`. One that no ticket has comes with its `payload`,
    and the receiving subscription's id in place of the ticket's (docs/adr/0022).
    """
    return {
        "id": new_id(Prefix.DELIVERY),
        "event_id": event["id"],
        "ticket_id": event["ticket_id"],
        "sequence": event["sequence"],
        "channel": channel.value,
        "receiver": receiver,
        "kind": kind,
        "rank": rank,
        "lease_token": None,
        "data_started_at": None,
        "payload": payload,
        "created_at": now,
        "finished_at": None,
        "work_state": WorkState.READY.value,
        "available_at": now,
        "attempts": 0,
        "last_error": None,
    }
