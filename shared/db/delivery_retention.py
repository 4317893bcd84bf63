"""Forgetting deliveries that are over, with their attempts."""

from datetime import datetime

from sqlalchemy import delete, select

from shared.db.engine import Database
from shared.db.models import Delivery, DeliveryAttempt, MailDigestEntry
from shared.db.models.base import table
from shared.domain.ids import Prefix, first_id
from shared.domain.work import WorkState

#: Deliveries deleted in one transaction.
CHUNK = 2000

_DELIVERIES, _ATTEMPTS, _ENTRIES = table(Delivery), table(DeliveryAttempt), table(MailDigestEntry)


def forget_deliveries(database: Database, before: datetime) -> int:
    """Delete deliveries that were made and over before a moment; return how many.

    Ids begin with the time, so the primary key leads to the oldest.
    """
    columns = _DELIVERIES.c
    due = (
        select(columns.id)
        .where(
            columns.id < first_id(Prefix.DELIVERY, before),
            columns.work_state != WorkState.READY,
            columns.finished_at < before,
        )
        .order_by(columns.id)
        .limit(CHUNK)
        .with_for_update(skip_locked=True)
    )
    deleted = 0
    while True:
        with database.transaction() as tx:
            ids = list(tx.execute(due).scalars())
            tx.execute(delete(_ATTEMPTS).where(_ATTEMPTS.c.delivery_id.in_(ids)))
            tx.execute(delete(_ENTRIES).where(_ENTRIES.c.id.in_(ids)))
            tx.execute(delete(_DELIVERIES).where(columns.id.in_(ids)))
        deleted += len(ids)
        if len(ids) < CHUNK:
            return deleted
