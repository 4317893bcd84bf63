"""API keys: what a token looks like, what is kept of it, and what it may do."""

import hashlib
import secrets

from shared.domain.role import Role

#: Before a token, so that secret scanners recognise one that leaked.
TOKEN_PREFIX = "pbk_"  # noqa: S105 -- the prefix, not a token

#: May do everything.
ALL = "*"

SCOPES = (
    ALL,
    "tickets:read",
    "tickets:write",
    "requesters:read",
    "requesters:write",
    "requesters:erase",
    "tickets:import",
    "agents:read",
    "agents:write",
    "routing:read",
    "routing:write",
    "webhooks:read",
    "webhooks:write",
    "deliveries:read",
    "deliveries:write",
    "deliveries:diagnose",
    "events:read",
    "mail:read",
    "mail:write",
    "audit:read",
)


_AGENT = ("tickets:read", "tickets:write", "requesters:read", "requesters:write", "agents:read")

#: What a key of a role may do where nobody says it.
ROLE_SCOPES: dict[Role, tuple[str, ...]] = {
    Role.REQUESTER: ("tickets:read", "tickets:write"),
    Role.INGEST: ("tickets:write",),
    Role.AGENT: _AGENT,
    Role.LEAD: (*_AGENT, "agents:write", "routing:read"),
    Role.ADMIN: (ALL,),
}


def new_token() -> str:
    """Return a fresh API token with 256 random bits."""
    return TOKEN_PREFIX + secrets.token_urlsafe(32)


def digest(token: str) -> str:
    """Return what is kept of a token. It is random, so a plain hash is enough to hide it."""
    return hashlib.sha256(token.encode()).hexdigest()
