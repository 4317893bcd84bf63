"""Editing a ticket by a merge patch, whichever path it was found by."""

from collections.abc import Mapping
from typing import Any

from flask import Response, g

from services.intake.api.change import Change
from services.intake.api.http import actor, parts
from services.intake.api.patches import Patch
from services.intake.api.preconditions import etag
from shared.db import ticket_changes
from shared.db.engine import Row
from shared.domain.work import ListName


def edit(unit: Change, ticket: Row, assignee: Mapping[str, Any] | None, patch: Patch) -> Response:
    """Apply a patch to a locked ticket, and answer with the ticket; without a change, no event."""
    app = parts()
    content = patch.over({"custom_fields": ticket["custom_fields"]})
    app.reference.require(content)
    document = ticket_changes.edit(
        unit.tx, ticket, assignee, content, app.now(), actor(), g.request_id
    )
    if document is None:
        document = ticket_changes.ticket_document(ticket, assignee)
    else:
        unit.ring(ListName.EVENTS, ListName.ROUTING)
    return unit.answer(document, headers={"ETag": etag(document["version"])})
