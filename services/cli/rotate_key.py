"""A new token for an API key, while the old one still works for a time."""

from datetime import datetime, timedelta

from sqlalchemy import or_, update

from services.cli.actor import command_line
from shared.db.audit import record
from shared.db.engine import Database
from shared.db.models import ApiKey
from shared.db.models.base import table
from shared.domain.api_key import digest, new_token
from shared.domain.audit import AuditAction

_KEYS = table(ApiKey)


def rotate_key(database: Database, key_id: str, overlap: timedelta, now: datetime) -> str | None:
    """Give a key a new token and return it; None if there is no valid key of this id.

    The key stays the same one: its id, scopes, limits and end, its Idempotency-Keys and uploads.
    The token until now works for the overlap; one before it ends at once.
    """
    token = new_token()
    statement = (
        update(_KEYS)
        .where(
            _KEYS.c.id == key_id,
            _KEYS.c.revoked_at.is_(None),
            or_(_KEYS.c.expires_at.is_(None), _KEYS.c.expires_at > now),
        )
        .values(
            digest=digest(token),
            previous_digest=_KEYS.c.digest if overlap else None,
            previous_until=now + overlap if overlap else None,
        )
        .returning(_KEYS.c.id)
    )
    with database.transaction() as tx:
        found = tx.execute(statement).first()
        if found is not None:
            record(tx, command_line(), AuditAction.KEY_ROTATED, key_id, now)
    return token if found else None
