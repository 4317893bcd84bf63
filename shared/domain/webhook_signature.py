"""Signatures of Standard Webhooks 1.0, symmetric scheme `v1`.

Specification: https://github.com/standard-webhooks/standard-webhooks (spec/standard-webhooks.md).
The signed text is `{id}.{timestamp}.{body}`. The timestamp is the time of this attempt, so that a
receiver can refuse an old recording, and is signed so that nobody can make it young again.
"""

import base64
import binascii
import hmac
import secrets as randomness
from collections.abc import Sequence
from functools import lru_cache

SECRET_PREFIX = "whsec_"  # noqa: S105 -- the prefix, not a secret

#: What the specification allows for the key, and what `new_secret` makes, in bytes.
MIN_KEY_BYTES, MAX_KEY_BYTES, NEW_KEY_BYTES = 24, 64, 32


class InvalidSecret(ValueError):
    """A secret is not `whsec_` and 24 to 64 bytes in base64; the text never holds the secret."""


def new_secret() -> str:
    """Make a secret for one endpoint: `whsec_` and 32 random bytes in base64."""
    return SECRET_PREFIX + base64.b64encode(randomness.token_bytes(NEW_KEY_BYTES)).decode()


def sign(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """Return one entry of `webhook-signature`: `v1,` and the HMAC-SHA256 in base64.

    `timestamp` is in whole seconds since 1970, `body` the exact bytes that are sent. Raises
    InvalidSecret, and ValueError for an id with a dot, which would make the signed text ambiguous.
    """
    if "." in message_id:
        raise ValueError("a message id must not contain a dot")
    signed = b"%b.%d.%b" % (message_id.encode(), timestamp, body)
    digest = hmac.digest(_key(secret), signed, "sha256")
    return "v1," + binascii.b2a_base64(digest, newline=False).decode()


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


# An endpoint's secret signs thousands of messages; decoding it again costs as much as signing.
@lru_cache(maxsize=4096)
def _key(secret: str) -> bytes:
    try:
        key = base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    except ValueError:
        raise InvalidSecret("a webhook secret must be base64") from None
    if not MIN_KEY_BYTES <= len(key) <= MAX_KEY_BYTES:
        raise InvalidSecret(f"a webhook secret has {MIN_KEY_BYTES} to {MAX_KEY_BYTES} bytes")
    return key
