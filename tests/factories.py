"""Rows for tests that work below the API."""

import itertools
from datetime import UTC, datetime
from typing import Any

from shared.domain import endpoint_secret
from shared.domain.attachment import AttachmentRules
from shared.domain.delivery import FIRST_ATTEMPT_RANK, DeliveryChannel
from shared.domain.ids import Prefix, new_id
from shared.domain.subscription import AfterOutage, Ordering, PayloadStyle, SigningScheme
from shared.domain.work import WorkState
from shared.schemas.ticket import CreateTicketSchema
from tests.desk import ticket_body

NOW = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)

ATTACHMENT_RULES = AttachmentRules(max_bytes=1000, max_count=5, max_total_bytes=2000, scan=False)

_numbers = itertools.count(1)


def outbox_entry(**changed: Any) -> dict[str, Any]:
    """A row of event_outbox, ready now: the plainest work list."""
    return {
        "id": new_id(Prefix.EVENT),
        "ticket_id": new_id(Prefix.TICKET),
        "sequence": 1,
        "rank": 0,
        "work_state": WorkState.READY,
        "available_at": NOW,
        "attempts": 0,
        "last_error": None,
        **changed,
    }


def delivery(**changed: Any) -> dict[str, Any]:
    """A webhook delivery, due now."""
    return {
        "id": new_id(Prefix.DELIVERY),
        "event_id": new_id(Prefix.EVENT),
        "ticket_id": new_id(Prefix.TICKET),
        "sequence": 1,
        "channel": DeliveryChannel.WEBHOOK,
        "receiver": new_id(Prefix.SUBSCRIPTION),
        "kind": "event",
        "rank": FIRST_ATTEMPT_RANK,
        "lease_token": None,
        "data_started_at": None,
        "payload": None,
        "created_at": NOW,
        "finished_at": None,
        "work_state": WorkState.READY,
        "available_at": NOW,
        "attempts": 0,
        "last_error": None,
        **changed,
    }


def subscription(**changed: Any) -> dict[str, Any]:
    """An enabled subscription to everything."""
    number = next(_numbers)
    return {
        "id": new_id(Prefix.SUBSCRIPTION),
        "url": f"https://receiver-{number}.example/hook",
        "event_types": [],
        "description": "",
        "filter": None,
        "payload_style": PayloadStyle.FULL,
        "headers": {},
        "secrets": [endpoint_secret.make(SigningScheme.V1, NOW)],
        "rate_limit_per_s": None,
        "concurrency": None,
        "ordering": Ordering.TICKET,
        "after_outage": AfterOutage.ALL,
        "trace_context": True,
        "owner_email": None,
        "enabled": True,
        "disabled_reason": None,
        "disabled_at": None,
        "created_at": NOW,
        "updated_at": NOW,
        **changed,
    }


def ticket_content(**changed: Any) -> dict[str, Any]:
    """What `CreateTicketSchema` loads."""
    return dict(CreateTicketSchema().load(ticket_body(**changed)))
