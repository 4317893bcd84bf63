"""Each opening of a form acts once: a double click, a reload or a resend changes nothing more."""

from datetime import datetime, timedelta

from sqlalchemy import delete, select

from services.intake.pages.form_tokens import MAX_AGE
from shared.db.engine import Transaction
from shared.db.models import IdempotencyKey
from shared.db.models.base import table

_KEYS = table(IdempotencyKey)
#: Longer than any form may stay open.
_REMEMBERED = MAX_AGE + timedelta(hours=1)


def first_time(tx: Transaction, actor: str, key: str, ticket_id: str, now: datetime) -> bool:
    """Note that a form acts on a ticket, which the caller has locked; False if it did before."""
    known = (_KEYS.c.api_key_id == actor) & (_KEYS.c.key == key)
    if tx.first(select(_KEYS.c.key).where(known, _KEYS.c.expires_at > now)) is not None:
        return False
    tx.execute(delete(_KEYS).where(known))
    row = {
        "api_key_id": actor,
        "key": key,
        "request_hash": "",
        "ticket_id": ticket_id,
        "answer": "",
        "created_at": now,
        "expires_at": now + _REMEMBERED,
    }
    tx.insert(_KEYS, [row])
    return True
