"""Remembered answers: what a request with an Idempotency-Key was answered, told once more.

draft-ietf-httpapi-idempotency-key-header-07. The answer is written in the transaction of its
effect, so there is never one without the other, and a process that is killed leaves nothing behind:
the claim to a key ends with the transaction too.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import ColumnElement, and_, delete, select

from shared.db.engine import Row, Transaction
from shared.db.models import IdempotencyKey
from shared.db.models.base import table
from shared.db.sealed_places import ANSWERS
from shared.db.sealed_types import keyring_of_dialect
from shared.db.types import dump_json, load_json
from shared.domain.errors import IdempotencyMismatch

KEYS = table(IdempotencyKey)


@dataclass(frozen=True, slots=True)
class Claim:
    """A key that came with a request, in its scope: whose it is and on which operation."""

    api_key_id: str
    operation: str
    key: str
    request_hash: str

    @property
    def lock(self) -> int:
        """The number, signed and of 64 bits, by which transactions that use this key meet."""
        name = f"{self.api_key_id}\0{self.operation}\0{self.key}".encode()
        return int.from_bytes(hashlib.sha256(name).digest()[:8], signed=True)


@dataclass(frozen=True, slots=True)
class Remembered:
    """An answer that was given before."""

    status: int
    headers: Mapping[str, str]
    body: str
    #: What it is about: a ticket or requester, whose erasure reaches what is remembered, or a
    #: subscription, whose secrets go with it.
    subject_id: str | None = None


def hash_request(body: Any, place: Mapping[str, Any] | None = None) -> str:
    """Return the SHA-256, in hex, of what a request asks for; the order of fields is no matter.

    `place` has the values in its path, if there are any; `body` is a document or, for what is no
    JSON, the bytes.
    """
    asked = body.hex() if isinstance(body, bytes) else body
    content = {"place": place, "body": asked} if place else asked
    return hashlib.sha256(orjson.dumps(content, option=orjson.OPT_SORT_KEYS)).hexdigest()


def named(claim: Claim) -> ColumnElement[bool]:
    """Return the condition that a row is a claim's."""
    return and_(
        KEYS.c.api_key_id == claim.api_key_id,
        KEYS.c.operation == claim.operation,
        KEYS.c.key == claim.key,
    )


def find(tx: Transaction, claim: Claim, now: datetime) -> Remembered | None:
    """Return the answer that a key has, if any; raises IdempotencyMismatch, SecretUnreadable.

    Clears the way for a new answer if the time of the old one is over.
    """
    which = named(claim)
    row = tx.first(select(KEYS).where(which))
    if row is None:
        return None
    if row["expires_at"] <= now:
        tx.execute(delete(KEYS).where(which))
        return None
    found = read(row, claim.request_hash)
    keyring = keyring_of_dialect(tx.connection.dialect)
    return replace(found, body=keyring.open(ANSWERS.purpose, found.body))


def read(row: Row, request_hash: str) -> Remembered:
    """Return a remembered answer; raises IdempotencyMismatch if it is another request's."""
    if row["request_hash"] != request_hash:
        message = "This Idempotency-Key was used before with another request; use a new one."
        raise IdempotencyMismatch(message)
    return Remembered(row["status"], load_json(row["headers"]), row["answer"])


def row_of(claim: Claim, answer: Remembered, now: datetime, expires_at: datetime) -> dict[str, Any]:
    """Return the row that remembers an answer."""
    return {
        "api_key_id": claim.api_key_id,
        "operation": claim.operation,
        "key": claim.key,
        "request_hash": claim.request_hash,
        "subject_id": answer.subject_id,
        "status": answer.status,
        "headers": dump_json(answer.headers),
        "answer": answer.body,
        "created_at": now,
        "expires_at": expires_at,
    }
