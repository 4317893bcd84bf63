"""Each opening of a form acts once: a double click, a reload or a resend changes nothing more."""

from datetime import datetime, timedelta

from services.intake import idempotency
from services.intake.idempotency import Claim, Remembered
from services.intake.pages.form_tokens import MAX_AGE
from shared.db.engine import Transaction

#: Longer than any form may stay open.
_REMEMBERED = MAX_AGE + timedelta(hours=1)


def first_time(tx: Transaction, actor: str, key: str, ticket_id: str, now: datetime) -> bool:
    """Note that a form acts on a ticket, which the caller has locked; False if it did before."""
    claim = Claim(actor, "POST /t", key, "")
    if idempotency.find(tx, claim, now) is not None:
        return False
    done = Remembered(303, {}, "", subject_id=ticket_id)
    tx.insert(idempotency.KEYS, [idempotency.row_of(claim, done, now, now + _REMEMBERED)])
    return True
