"""A mail to the owner of a webhook, made up: what `patchbay mail preview` shows."""

from typing import Any

from shared.domain.delivery import OwnerMailKind


def sample_news(kind: OwnerMailKind) -> dict[str, Any]:
    """Return an event, in wire form, that would send this mail."""
    return {
        "id": "evt_" + "0" * 32,
        "type": "sample",
        "timestamp": "2026-01-02T10:04:05.678901Z",
        "data": {
            "webhook": {
                "id": "whk_" + "0" * 32,
                "host": "hooks.example.com",
                "description": "CRM",
            },
            "failing_since": "2026-01-02T09:04:05.678901Z",
            "failures": 12,
            "reason": "" if kind is OwnerMailKind.WEBHOOK_RECOVERED else "HTTP 503",
        },
    }
