"""A form that was filled in becomes a ticket, once for each opening of the form."""

from collections.abc import Mapping, Sequence
from typing import Any

from flask import g
from marshmallow import ValidationError

from services.intake.api.http import parts
from services.intake.group_commit import Submission
from services.intake.idempotency import Claim, hash_request
from services.intake.pages.page_files import KeptFile
from shared.db import ticket_changes
from shared.db.ticket_changes import NewTicket
from shared.db.types import load_json
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
    "/attachments": "files",
    "/impact_details/delays": "delays",
    "/impact_details/costs": "money",
    "/impact_details/productivity": "productivity",
}


def submit(
    document: Mapping[str, Any], links: Sequence[str], files: Sequence[KeptFile], nonce: str
) -> str:
    """Store a ticket with its files and return its id; the same form sent again returns the same.

    Raises InvalidInput if the schema refuses it, IdempotencyMismatch if the form was sent before
    with other content, Unavailable.
    """
    try:
        content = _schema.load({**document, "attachments": [file.id for file in files]})
    except ValidationError as error:
        raise refused_fields(error.messages) from error
    app = parts()
    rules, now = app.files.receiving.rules, app.now()
    linked = [
        ticket_changes.new_attachment("", {"url": link, "name": link[:255]}, rules, now, ACTOR)
        for link in links
    ]
    new = NewTicket(content, ACTOR, g.request_id, linked, proven=False)
    # A file sent twice is stored twice; it is the same request if its content is the same.
    contents = [[file.name, file.sha256] for file in files]
    asked = hash_request({**document, "links": list(links), "files": contents})
    claim = Claim(ACTOR, "POST /support", nonce, asked)
    accepted = app.committer.submit(Submission(new, claim))
    return str(load_json(accepted.answer.body)["id"])


def places(error: InvalidInput) -> dict[str, str]:
    """Return what a refusal says, by field of the form."""
    found: dict[str, str] = {}
    for each in error.errors:
        known = [name for place, name in _PLACES.items() if each.pointer.startswith(place)]
        found[known[0] if known else each.pointer.split("/")[1]] = each.detail
    return found
