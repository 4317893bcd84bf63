"""Orders to look at what waits: what decides about it has changed."""

from datetime import datetime

from shared.db.engine import Transaction
from shared.db.models import WaitingLook
from shared.db.models.base import table
from shared.domain.ids import Prefix, new_id
from shared.domain.work import WorkState


def look_at_waiting(tx: Transaction, now: datetime) -> None:
    """Have all waiting tickets routed again, a batch at a time, once this is committed."""
    row = {
        "id": new_id(Prefix.WAITING_LOOK),
        "barrier": None,
        "after": None,
        "work_state": WorkState.READY,
        "available_at": now,
        "attempts": 0,
        "last_error": None,
    }
    tx.insert(table(WaitingLook), [row])
