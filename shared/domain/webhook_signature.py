"""Signatures of Standard Webhooks 1.0: `v1` by a shared secret, `v1a` by a pair of keys.

Specification: https://github.com/standard-webhooks/standard-webhooks (spec/standard-webhooks.md).
The signed text is `{id}.{timestamp}.{body}`. The timestamp is the time of this attempt, so that a
receiver can refuse an old recording, and is signed so that nobody can make it young again. Which
scheme a secret is for is told by how it begins: `whsec_` signs by HMAC-SHA256, `whsk_` by ed25519
(RFC 8032), whose public key is written `whpk_`.
"""

import base64
import binascii
import hmac
import secrets as randomness
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

SECRET_PREFIX = "whsec_"  # noqa: S105 -- the prefix, not a secret
PRIVATE_PREFIX, PUBLIC_PREFIX = "whsk_", "whpk_"

#: What the specification allows for the key, and what `new_secret` makes, in bytes.
MIN_KEY_BYTES, MAX_KEY_BYTES, NEW_KEY_BYTES = 24, 64, 32
#: Of a secret that somebody brings: the fewest different bytes. Of 24 random ones there are fewer
#: once in 10^24.
MIN_DIFFERENT_BYTES = 8
#: A private key of ed25519 alone, and followed by its public key, in bytes.
_SEED_BYTES, _PAIR_BYTES = 32, 64


class InvalidSecret(ValueError):
    """A secret is of neither form; the text never holds the secret."""


def new_secret() -> str:
    """Make a secret for one endpoint: `whsec_` and 32 random bytes in base64."""
    return SECRET_PREFIX + base64.b64encode(randomness.token_bytes(NEW_KEY_BYTES)).decode()


def require_strong(secret: str) -> None:
    """Raise InvalidSecret unless a secret that somebody brings is of the form of `new_secret`.

    Such as `correct horse`, 24 equal bytes or 1, 2, 3 … can be guessed, and then anybody signs.
    """
    if not secret.startswith(SECRET_PREFIX):
        raise InvalidSecret(f"a webhook secret begins with {SECRET_PREFIX}")
    key = _key(secret)
    if base64.b64encode(key).decode() != secret.removeprefix(SECRET_PREFIX):
        raise InvalidSecret("a webhook secret must be base64")
    steps = {(after - before) % 256 for before, after in pairwise(key)}
    repeats = any(key[size:] == key[:-size] for size in range(1, len(key) // 2 + 1))
    if len(set(key)) < MIN_DIFFERENT_BYTES or len(steps) < MIN_DIFFERENT_BYTES // 2 or repeats:
        raise InvalidSecret("a webhook secret must be random; this one can be guessed")


def new_key_pair() -> tuple[str, str]:
    """Make a private key, `whsk_` and 64 bytes in base64, and its public key, `whpk_` and 32."""
    private = Ed25519PrivateKey.generate()
    public = private.public_key().public_bytes_raw()
    pair = base64.b64encode(private.private_bytes_raw() + public).decode()
    return PRIVATE_PREFIX + pair, PUBLIC_PREFIX + base64.b64encode(public).decode()


def public_key(private: str) -> str:
    """Return the public key, `whpk_…`, of a private one; raises InvalidSecret."""
    public = _private_key(private).public_key().public_bytes_raw()
    return PUBLIC_PREFIX + base64.b64encode(public).decode()


def sign(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """Return one entry of `webhook-signature`: `v1,` or `v1a,` and the signature in base64.

    `timestamp` is in whole seconds since 1970, `body` the exact bytes that are sent. Raises
    InvalidSecret, and ValueError for an id with a dot, which would make the signed text ambiguous.
    """
    if "." in message_id:
        raise ValueError("a message id must not contain a dot")
    signed = b"%b.%d.%b" % (message_id.encode(), timestamp, body)
    if secret.startswith(PRIVATE_PREFIX):
        return "v1a," + _base64(_private_key(secret).sign(signed))
    return "v1," + _base64(hmac.digest(_key(secret), signed, "sha256"))


def signature_headers(
    secrets: Sequence[str], message_id: str, timestamp: int, body: bytes
) -> dict[str, str]:
    """Build the three headers of a message, signed with every secret in force.

    While a secret is being rotated the old and the new one both sign and the entries stand side by
    side, divided by a space; the receiver accepts the message if any entry verifies.
    Raises InvalidSecret, and ValueError when there is no secret at all.
    """
    if not secrets:
        raise ValueError("a message is never sent unsigned")
    entries = [sign(secret, message_id, timestamp, body) for secret in secrets]
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(entries),
    }


def _base64(data: bytes) -> str:
    return binascii.b2a_base64(data, newline=False).decode()


# An endpoint's secret signs thousands of messages; decoding it again costs as much as signing.
@lru_cache(maxsize=4096)
def _key(secret: str) -> bytes:
    key = _decoded(secret.removeprefix(SECRET_PREFIX))
    if not MIN_KEY_BYTES <= len(key) <= MAX_KEY_BYTES:
        raise InvalidSecret(f"a webhook secret has {MIN_KEY_BYTES} to {MAX_KEY_BYTES} bytes")
    return key


@lru_cache(maxsize=4096)
def _private_key(secret: str) -> Ed25519PrivateKey:
    pair = _decoded(secret.removeprefix(PRIVATE_PREFIX))
    key = None
    if len(pair) in (_SEED_BYTES, _PAIR_BYTES):
        key = Ed25519PrivateKey.from_private_bytes(pair[:_SEED_BYTES])
    if key is None or pair[_SEED_BYTES:] not in (b"", key.public_key().public_bytes_raw()):
        raise InvalidSecret("a private webhook key is one of ed25519, followed by its public key")
    return key


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        raise InvalidSecret("a webhook secret must be base64") from None
