"""The secrets of an endpoint: the newest signs, and older ones with it until their overlap ends.

Kept as a list of documents `{id, scheme, secret, public_key, created_at, expires_at}`, the newest
first, with times as RFC 3339; `expires_at` is null for the one that is not replaced.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from shared.domain.clock import rfc3339
from shared.domain.ids import Prefix, new_id
from shared.domain.subscription import SigningScheme
from shared.domain.webhook_signature import new_key_pair, new_secret

#: How many secrets sign one message at the most; what is beyond ends at once.
MAX_SECRETS = 5

Secret = Mapping[str, Any]


def make(scheme: SigningScheme, now: datetime, own: str | None = None) -> dict[str, Any]:
    """Return a new secret; `own` is one that the subscriber brings, for V1."""
    secret, public = (own or new_secret(), None) if scheme is SigningScheme.V1 else new_key_pair()
    return {
        "id": new_id(Prefix.ENDPOINT_SECRET),
        "scheme": scheme.value,
        "secret": secret,
        "public_key": public,
        "created_at": rfc3339(now),
        "expires_at": None,
    }


def to_verify_with(secret: Secret) -> str:
    """Return what a receiver needs: the shared secret, or the public key."""
    return str(secret["public_key"] or secret["secret"])


def in_force(secrets: Sequence[Secret], now: datetime) -> list[Secret]:
    """Return the secrets that sign at a moment, the newest first."""
    return [each for each in secrets if not _over(each, now)]


def rotated(
    secrets: Sequence[Secret], new: Secret, now: datetime, overlap: timedelta
) -> list[Secret]:
    """Return the secrets with a new one first, and those before it for an overlap yet.

    One that ends sooner already does so still.
    """
    end = now + overlap
    kept = [
        {**each, "expires_at": rfc3339(min(_end(each) or end, end))}
        for each in in_force(secrets, now)
    ]
    return [new, *in_force(kept, now)][:MAX_SECRETS]


def _over(secret: Secret, now: datetime) -> bool:
    end = _end(secret)
    return end is not None and end <= now


def _end(secret: Secret) -> datetime | None:
    text = secret["expires_at"]
    return None if text is None else datetime.fromisoformat(text)
