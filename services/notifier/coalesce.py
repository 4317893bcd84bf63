"""After an outage, for receivers that chose it: of each ticket only the latest event is sent."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import and_, exists, update

from shared.db.engine import Transaction
from shared.db.models import Delivery
from shared.db.models.base import table
from shared.db.types import READY, WEBHOOK
from shared.domain.delivery import REPLAY_RANK
from shared.domain.work import WorkState

SUPERSEDED = "left out: a later event of the ticket was waiting when the endpoint came back"

_DELIVERIES = table(Delivery)


def leave_out_superseded(tx: Transaction, endpoint_ids: Sequence[str], now: datetime) -> None:
    """Cancel what waits for these endpoints and is not the latest of its ticket.

    What is under way stays: it may have arrived. Events that no ticket has are all kept, and what
    somebody asked to be sent again.
    """
    later = _DELIVERIES.alias("later")
    superseded = exists().where(
        and_(
            later.c.ticket_id == _DELIVERIES.c.ticket_id,
            later.c.receiver == _DELIVERIES.c.receiver,
            later.c.sequence > _DELIVERIES.c.sequence,
            later.c.work_state == READY,
            later.c.rank < REPLAY_RANK,
        )
    )
    tx.execute(
        update(_DELIVERIES)
        .where(
            _DELIVERIES.c.channel == WEBHOOK,
            _DELIVERIES.c.receiver.in_(endpoint_ids),
            _DELIVERIES.c.work_state == READY,
            _DELIVERIES.c.lease_token.is_(None),
            _DELIVERIES.c.payload.is_(None),
            _DELIVERIES.c.rank < REPLAY_RANK,
            superseded,
        )
        .values(work_state=WorkState.CANCELLED, finished_at=now, last_error=SUPERSEDED)
    )
