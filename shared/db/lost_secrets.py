"""Giving up secrets that nobody can open any more, because their key is lost for good.

What they were for goes on without them: links and cursors that a lost signing key signed are good
for nothing, a subscription is disabled until its receiver has a new secret, and a remembered answer
is blank.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select

from shared.db.audit import record
from shared.db.engine import Database, Row, Transaction
from shared.db.keyrings import FileKeyring
from shared.db.models import IdempotencyKey, SigningKey, Subscription
from shared.db.models.base import table
from shared.db.sealed_places import ANSWERS, keys_in_use, missing_keys
from shared.db.sealed_types import as_kept, opened
from shared.domain.audit import Actor, AuditAction
from shared.domain.endpoint_secret import make
from shared.domain.errors import SecretUnreadable
from shared.domain.subscription import SigningScheme

#: Why a subscription is disabled, for its owner.
REASON = "its secrets could not be read any more; rotate its secret, set its headers, enable it"

_SIGNING, _SUBSCRIPTIONS = table(SigningKey), table(Subscription)
_ANSWERS = table(IdempotencyKey)


@dataclass(frozen=True, slots=True)
class Lost:
    """What cannot be opened: ids of signing keys and subscriptions, keys of answers, seal keys."""

    signing_keys: tuple[str, ...]
    subscriptions: tuple[str, ...]
    answers: tuple[tuple[str, str, str], ...]
    sealed_by: tuple[str, ...]

    @property
    def count(self) -> int:
        """How many rows they are."""
        return len(self.signing_keys) + len(self.subscriptions) + len(self.answers)


def require_usable(database: Database) -> None:
    """Raise SecretUnreadable where a key is not lost, but only not given.

    A key file that may not be read is there; and without any key nobody could seal a new secret.
    """
    keyring = database.keyring
    if keyring.sealing_id is None and not keyring.seals and not keyring.plain:
        message = (
            "No secret key is set, so every sealed secret is unreadable; set PATCHBAY_SECRET_KEYS "
            "first, to a new key if the old one is lost: patchbay keys new-secret-key."
        )
        raise SecretUnreadable(message)


def find_lost(database: Database) -> Lost:
    """Return what cannot be opened."""
    with database.transaction() as tx:
        return _find(tx, database)


def forget_lost(database: Database, actor: Actor, now: datetime) -> Lost:
    """Give up what cannot be opened, in one transaction with its entry in the audit log.

    Returns what it was. With a key file that is gone a new one is made.
    """
    if isinstance(database.keyring, FileKeyring):
        database.keyring.begin_anew()
    with database.transaction() as tx:
        lost = _find(tx, database)
        if not lost.count:
            return lost
        tx.delete(_SIGNING, lost.signing_keys)
        tx.update(_SUBSCRIPTIONS, [_begun_anew(each, now) for each in lost.subscriptions])
        key = ("api_key_id", "operation", "key")
        blank = [{**dict(zip(key, each, strict=True)), "answer": ""} for each in lost.answers]
        tx.update(_ANSWERS, blank, key=key)
        details = {
            "keys": list(lost.sealed_by),
            "signing_keys": len(lost.signing_keys),
            "subscriptions": list(lost.subscriptions),
            "answers": len(lost.answers),
        }
        record(tx, actor, AuditAction.SECRETS_FORGOTTEN, None, now, details)
    return lost


def _find(tx: Transaction, database: Database) -> Lost:
    keyring = database.keyring

    def cannot_open(kept: str) -> bool:
        return _fails(lambda: keyring.open(ANSWERS.purpose, kept))

    def cannot_read(source: Any, row: Row) -> bool:
        return _fails(lambda: opened(keyring, source, row))

    signing = tx.rows(select(*as_kept(_SIGNING)).order_by(_SIGNING.c.id).with_for_update())
    subscriptions = tx.rows(
        select(*as_kept(_SUBSCRIPTIONS)).order_by(_SUBSCRIPTIONS.c.id).with_for_update()
    )
    columns = _ANSWERS.c
    answers = tx.rows(
        ANSWERS.where(
            select(columns.api_key_id, columns.operation, columns.key, ANSWERS.kept)
        ).with_for_update()
    )
    missing = missing_keys(keys_in_use(tx.flushed()), keyring)
    return Lost(
        tuple(str(row["id"]) for row in signing if cannot_read(_SIGNING, row)),
        tuple(str(row["id"]) for row in subscriptions if cannot_read(_SUBSCRIPTIONS, row)),
        tuple(
            (str(row["api_key_id"]), str(row["operation"]), str(row["key"]))
            for row in answers
            if cannot_open(row["kept"])
        ),
        tuple(sorted(missing)),
    )


def _fails(call: Callable[[], object]) -> bool:
    try:
        call()
    except SecretUnreadable:
        return True
    return False


def _begun_anew(subscription_id: str, now: datetime) -> dict[str, Any]:
    return {
        "id": subscription_id,
        "secrets": [make(SigningScheme.V1, now)],
        "headers": {},
        "enabled": False,
        "disabled_reason": REASON,
        "disabled_at": now,
        "updated_at": now,
    }
