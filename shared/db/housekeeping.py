"""Small periodic clean-ups, run by the timers of one process at a time."""

from datetime import datetime

from sqlalchemy import delete, select

from shared.db.engine import Database
from shared.db.models import IdempotencyKey
from shared.db.models.base import table

#: Rows deleted in one transaction, so that no clean-up holds locks for long.
CHUNK = 5000

_KEYS = table(IdempotencyKey)


def forget_idempotency_keys(database: Database, now: datetime) -> int:
    """Delete remembered answers whose time is over; return how many."""
    forgotten = 0
    while True:
        due = select(_KEYS.c.key).where(_KEYS.c.expires_at <= now).limit(CHUNK)
        statement = delete(_KEYS).where(_KEYS.c.expires_at <= now, _KEYS.c.key.in_(due))
        with database.transaction() as tx:
            count: int = tx.execute(statement).rowcount  # type: ignore[attr-defined]
        forgotten += count
        if count < CHUNK:
            return forgotten
