"""What Patchbay signs for strangers to bring back: links in mails and pages, cursors of lists.

The secrets live in the database, so that every process of an installation knows the same ones and
none has to be set before the first start. Signatures are itsdangerous' HMAC-SHA256; the purpose is
mixed into the key, so that a cursor is no link.
"""

import hmac
import secrets
import threading
from datetime import datetime, timedelta
from hashlib import sha256
from time import monotonic
from typing import Any

from itsdangerous import BadData, SignatureExpired, TimestampSigner, URLSafeTimedSerializer
from sqlalchemy import or_, select, update

from shared.db.audit import record
from shared.db.engine import Database
from shared.db.models import SigningKey
from shared.db.models.base import table
from shared.domain.audit import Actor, AuditAction
from shared.domain.clock import Clock
from shared.domain.errors import BadToken
from shared.domain.ids import Prefix, new_id

_KEYS = table(SigningKey)

#: How long a process goes on with the secrets it knows, in seconds.
REMEMBER_S = 60.0
#: A token that none of them fits makes it look whether there is a new one, no more often than this.
LOOK_AGAIN_S = 1.0

SECRET_BYTES = 32


class SigningKeys:
    """Signs, and reads what was signed. Makes the first secret when it is first needed."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._lock = threading.Lock()
        self._secrets: list[str] = []
        self._read_at = float("-inf")

    def sign(self, purpose: str, payload: Any, at: datetime | None = None) -> str:
        """Return a token, safe in URLs, that holds `payload` (JSON values) in plain sight.

        One signed as of `at` is always the same, as long as the secrets are.
        """
        return str(self._serializer(purpose, REMEMBER_S, at).dumps(payload))

    def read(self, purpose: str, token: str, max_age: timedelta | None = None) -> Any:
        """Return what was signed for this purpose.

        Raises BadToken if it was not signed here, not for this purpose, or too long ago.
        """
        age_s = None if max_age is None else int(max_age.total_seconds())
        for remember_s in (REMEMBER_S, LOOK_AGAIN_S):
            try:
                return self._serializer(purpose, remember_s).loads(token, max_age=age_s)
            except SignatureExpired as error:
                message = "This link or cursor has expired."
                raise BadToken(message) from error
            except BadData:
                continue
        message = "This link or cursor was not made here, or not for this."
        raise BadToken(message)

    def mac(self, purpose: str, text: str) -> bytes:
        """Return 32 bytes that only this installation can make of a text; always the same.

        HMAC-SHA256 (RFC 2104) under a key that the newest secret gives for this purpose.
        """
        self._serializer(purpose, REMEMBER_S)
        return _mac(self._secrets[-1], purpose, text)

    def exist(self) -> bool:
        """Tell whether there is a secret already; asking makes none."""
        return bool(self._read())

    def is_mac(self, purpose: str, text: str, mac: bytes) -> bool:
        """Tell whether `mac` is the beginning of what a good secret makes of a text.

        The caller sees to it that the beginning is long enough, at least 8 bytes.
        """
        for remember_s in (REMEMBER_S, LOOK_AGAIN_S):
            self._serializer(purpose, remember_s)
            made = [_mac(secret, purpose, text)[: len(mac)] for secret in self._secrets]
            if any([hmac.compare_digest(each, mac) for each in made]):  # noqa: C419 -- all of them
                return True
        return False

    def rotate(self, overlap: timedelta, actor: Actor) -> None:
        """Sign with a new secret from now on; what older ones signed is good for `overlap` yet.

        `actor` is who the audit log names.
        """
        now = self._clock.now()
        with self._database.transaction() as tx:
            retire = update(_KEYS).where(_KEYS.c.retires_at.is_(None))
            tx.execute(retire.values(retires_at=now + overlap))
            fresh = self._fresh()
            tx.insert(_KEYS, [fresh])
            record(tx, actor, AuditAction.SIGNING_ROTATED, fresh["id"], now)
        self._read_at = float("-inf")

    def _serializer(
        self, purpose: str, remember_s: float, at: datetime | None = None
    ) -> URLSafeTimedSerializer:
        if monotonic() > self._read_at + remember_s:
            with self._lock:
                self._secrets = self._read() or self._make()
                self._read_at = monotonic()
        return URLSafeTimedSerializer(
            self._secrets,
            salt=purpose,
            signer=_SignerAt,
            signer_kwargs={"digest_method": sha256, "at": at},
        )

    def _read(self) -> list[str]:
        """Return the secrets that are good, the newest last, as itsdangerous wants them."""
        query = (
            select(_KEYS.c.secret)
            .where(or_(_KEYS.c.retires_at.is_(None), _KEYS.c.retires_at > self._clock.now()))
            .order_by(_KEYS.c.id)
        )
        with self._database.reading() as connection:
            return list(connection.execute(query).scalars())

    def _make(self) -> list[str]:
        """Another process may do so in the same moment; then both are good."""
        with self._database.transaction() as tx:
            tx.insert(_KEYS, [self._fresh()])
        return self._read()

    def _fresh(self) -> dict[str, Any]:
        return {
            "id": new_id(Prefix.SIGNING_KEY),
            "secret": secrets.token_urlsafe(SECRET_BYTES),
            "created_at": self._clock.now(),
            "retires_at": None,
        }


class _SignerAt(TimestampSigner):
    """Signs as of a given moment, so that what is rendered again has the same links."""

    def __init__(self, *args: Any, at: datetime | None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._at = at

    def get_timestamp(self) -> int:
        """Return whole seconds of the epoch."""
        return super().get_timestamp() if self._at is None else int(self._at.timestamp())


def _mac(secret: str, purpose: str, text: str) -> bytes:
    key = hmac.digest(secret.encode(), b"patchbay.mac." + purpose.encode(), "sha256")
    return hmac.digest(key, text.encode(), "sha256")
