"""A form that was filled in becomes a ticket, once for each opening of the form."""

from collections.abc import Mapping
from typing import Any

from flask import g
from marshmallow import ValidationError

from services.intake.api.http import parts
from services.intake.group_commit import Submission, hash_request
from shared.db.ticket_changes import NewTicket
from shared.domain.errors import InvalidInput
from shared.schemas.refusal import refused_fields
from shared.schemas.ticket import CreateTicketSchema

#: Who the support form is to events and idempotency keys.
ACTOR = "page:support"

_schema = CreateTicketSchema()

#: The field of the form that a refusal of the schema is about, by JSON Pointer.
_PLACES = {
    "/requester/name": "name",
    "/requester/email": "email",
    "/requester/phone": "phone",
    "/requester/contacts": "contact",
    "/error_messages": "errors",
    "/steps_to_reproduce": "steps",
    "/custom_fields": "environment",
    "/impact_details/delays": "delays",
    "/impact_details/costs": "money",
    "/impact_details/productivity": "productivity",
}


def submit(document: Mapping[str, Any], nonce: str) -> str:
    """Store a ticket and return its id; the same form sent again returns the same.

    Raises InvalidInput if the schema refuses it, IdempotencyMismatch if the form was sent before
    with other content, Unavailable.
    """
    try:
        content = _schema.load(document)
    except ValidationError as error:
        raise refused_fields(error.messages) from error
    new = NewTicket(content, ACTOR, g.request_id)
    submission = Submission(new, ACTOR, nonce, hash_request(document))
    return str(parts().committer.submit(submission).document["id"])


def places(error: InvalidInput) -> dict[str, str]:
    """Return what a refusal says, by field of the form."""
    found: dict[str, str] = {}
    for each in error.errors:
        known = [name for place, name in _PLACES.items() if each.pointer.startswith(place)]
        found[known[0] if known else each.pointer.split("/")[1]] = each.detail
    return found
