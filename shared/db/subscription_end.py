"""The end of a subscription: nothing more is sent there, and what was stays to be read.

The row goes, and its secrets with it; so no claim finds its deliveries any more. Those are
cancelled, and what has been tried is kept for as long as all deliveries are.
"""

from datetime import datetime

from sqlalchemy import ColumnElement, delete, exists, select, update

from shared.db.engine import Database, Transaction
from shared.db.models import Delivery, EndpointHealth, IdempotencyKey, Subscription
from shared.db.models.base import table
from shared.db.sealed_places import ANSWERS
from shared.db.sealed_types import keyring_of_dialect
from shared.db.types import READY, WEBHOOK, dump_json, load_json
from shared.domain.errors import SecretUnreadable
from shared.domain.sealing import Keyring
from shared.domain.work import WorkState

#: What the ledger says of a delivery that was on its way.
DELETED = "the subscription was deleted"
#: Deliveries cancelled in one transaction; more are left to `cancel_due_of_deleted`.
CHUNK = 2000

_SUBSCRIPTIONS, _HEALTH = table(Subscription), table(EndpointHealth)
_DELIVERIES, _KEYS = table(Delivery), table(IdempotencyKey)


def delete_subscription(tx: Transaction, subscription_id: str, now: datetime) -> bool:
    """Delete a subscription; return whether there was one.

    Locks in the order of the notifier: health, deliveries, subscription.
    """
    tx.execute(delete(_HEALTH).where(_HEALTH.c.subscription_id == subscription_id))
    _cancel(tx, _DELIVERIES.c.receiver == subscription_id, now)
    mine = delete(_SUBSCRIPTIONS).where(_SUBSCRIPTIONS.c.id == subscription_id)
    if tx.execute(mine.returning(_SUBSCRIPTIONS.c.id)).first() is None:
        return False
    _forget_secrets(tx, subscription_id)
    return True


def cancel_due_of_deleted(database: Database, now: datetime) -> int:
    """Cancel what is due for subscriptions that are no more; return how many.

    What many had waited for, and what was fanned out in the moment of the deletion.
    """
    gone = ~exists().where(_SUBSCRIPTIONS.c.id == _DELIVERIES.c.receiver)
    cancelled = 0
    while True:
        with database.transaction() as tx:
            count = _cancel(tx, gone, now)
        cancelled += count
        if count < CHUNK:
            break
    with database.transaction() as tx:
        known = exists().where(_SUBSCRIPTIONS.c.id == _HEALTH.c.subscription_id)
        tx.execute(delete(_HEALTH).where(~known))
    return cancelled


def _cancel(tx: Transaction, condition: ColumnElement[bool], now: datetime) -> int:
    due = (
        select(_DELIVERIES.c.id)
        .where(_DELIVERIES.c.channel == WEBHOOK, _DELIVERIES.c.work_state == READY, condition)
        .limit(CHUNK)
        .with_for_update(skip_locked=True)
    )
    ids = list(tx.execute(due).scalars())
    # Without its token, a delivery in flight cannot come back by its result.
    tx.execute(
        update(_DELIVERIES)
        .where(_DELIVERIES.c.id.in_(ids))
        .values(
            work_state=WorkState.CANCELLED, finished_at=now, lease_token=None, last_error=DELETED
        )
    )
    return len(ids)


def _forget_secrets(tx: Transaction, subscription_id: str) -> None:
    """Take secrets out of the answers that are remembered under an Idempotency-Key."""
    key = ("api_key_id", "operation", "key")
    query = select(_KEYS).where(_KEYS.c.subject_id == subscription_id, _KEYS.c.answer != "")
    keyring = keyring_of_dialect(tx.connection.dialect)
    changed = [
        {**{name: row[name] for name in key}, "answer": _without_secret(keyring, row["answer"])}
        for row in tx.rows(query)
    ]
    tx.update(_KEYS, changed, key=key)


def _without_secret(keyring: Keyring, kept: str) -> str:
    """Return a remembered answer without its secret; a blank one for what cannot be opened."""
    try:
        answer = load_json(keyring.open(ANSWERS.purpose, kept))
    except SecretUnreadable:
        return ""
    if "secret" not in answer:
        return kept
    return keyring.seal(ANSWERS.purpose, dump_json({**answer, "secret": ""}))
