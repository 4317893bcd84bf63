"""api_keys: how one is stored, by the hash of its token."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from shared.db.audit import record
from shared.db.engine import Database
from shared.db.models import ApiKey
from shared.db.models.base import table
from shared.domain.api_key import digest, new_token
from shared.domain.audit import Actor, AuditAction
from shared.domain.clock import SystemClock
from shared.domain.ids import Prefix, new_id
from shared.domain.rate import RateClass
from shared.domain.role import Role

_KEYS = table(ApiKey)


def store_key(
    database: Database,
    token: str,
    name: str,
    scopes: list[str],
    days: int | None = None,
    role: Role = Role.ADMIN,
    limits: Mapping[RateClass, int] | None = None,
    requester_id: str | None = None,
    *,
    actor: Actor,
) -> None:
    """Store a new API key by the hash of its token; `actor` is who the audit log names.

    `limits` are its own, in requests a minute; a key of the role requester is `requester_id`'s.
    """
    now = SystemClock().now()
    row: dict[str, Any] = {
        "id": new_id(Prefix.API_KEY),
        "name": name,
        "digest": digest(token),
        "scopes": scopes,
        "role": role,
        "requester_id": requester_id,
        "created_at": now,
        "expires_at": None if days is None else now + timedelta(days=days),
        "revoked_at": None,
        "last_used_at": None,
        "previous_digest": None,
        "previous_until": None,
        **{f"{each}_limit": (limits or {}).get(each) for each in RateClass},
    }
    told = {"scopes": scopes, "role": role.value}
    with database.transaction() as tx:
        tx.insert(_KEYS, [row])
        record(tx, actor, AuditAction.KEY_CREATED, row["id"], now, told)


def create_key(
    database: Database,
    name: str,
    scopes: list[str],
    days: int | None = None,
    role: Role = Role.ADMIN,
    limits: Mapping[RateClass, int] | None = None,
    requester_id: str | None = None,
    *,
    actor: Actor,
) -> str:
    """Make a token, store its key and return it; see `store_key`."""
    token = new_token()
    store_key(database, token, name, scopes, days, role, limits, requester_id, actor=actor)
    return token
