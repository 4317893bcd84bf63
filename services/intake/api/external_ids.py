"""/v1/tickets/by-external-id: tickets by the name that another system has for them."""

import re
from collections.abc import Mapping
from typing import Any

from flask import Response, g
from marshmallow import ValidationError

from services.intake import repository
from services.intake.api.auth import requires
from services.intake.api.change import change
from services.intake.api.http import actor, answer, blueprint, parts
from services.intake.api.patches import Patch, object_body
from services.intake.api.preconditions import check_absent, check_version, etag
from services.intake.api.replays import claim_of_request, replayed, told
from services.intake.api.ticket_edits import edit
from services.intake.group_commit import Submission
from shared.db import ticket_changes
from shared.db.ticket_changes import NewTicket
from shared.domain.errors import Conflict, FieldError, InvalidInput, NotFound
from shared.domain.merge_patch import merge_patch
from shared.schemas.base import SLUG_PATTERN, patch_of
from shared.schemas.refusal import refused_fields
from shared.schemas.ticket import (
    MAX_EXTERNAL_ID,
    PutTicketSchema,
    TicketSchema,
    UpdateTicketSchema,
)

PATH = "/tickets/by-external-id/<source>/<path:external_id>"

blp = blueprint("external_ids", "Tickets by the id that another system has for them.")

_PARAMETERS = [
    {
        "in": "path",
        "name": "source",
        "required": True,
        "schema": {"type": "string", "pattern": SLUG_PATTERN.removesuffix(r"\Z") + "$"},
    },
    {
        "in": "path",
        "name": "external_id",
        "required": True,
        "schema": {"type": "string", "minLength": 1, "maxLength": MAX_EXTERNAL_ID},
    },
]

_new_schema, _patch_schema = PutTicketSchema(), patch_of(UpdateTicketSchema)


@blp.route(PATH, methods=["GET"], parameters=_PARAMETERS)
@requires("tickets:read", problems=(401, 403, 404, 503))
@blp.response(200, TicketSchema())
def get_ticket_by_external_id(source: str, external_id: str) -> Response:
    """Read a ticket by its source and external id."""
    with parts().database.reading() as connection:
        ticket_id = repository.ticket_by_external_id(connection, source, external_id)
        if ticket_id is None:
            message = f"There is no ticket with the external id {external_id!r} of {source!r}."
            raise NotFound(message)
        ticket, assignee = repository.ticket(connection, ticket_id)
    document = ticket_changes.ticket_document(ticket, assignee)
    return answer(document, headers={"ETag": etag(ticket["version"])})


@blp.route(PATH, methods=["PUT"], parameters=_PARAMETERS)
@requires("tickets:write", problems=(400, 401, 403, 404, 409, 412, 413, 415, 422, 503))
@object_body(PutTicketSchema())
@blp.response(200, TicketSchema())
@blp.alt_response(201, schema=TicketSchema())
def put_ticket_by_external_id(
    document: Mapping[str, Any], source: str, external_id: str
) -> Response:
    """Make the ticket if it is not there (201), or change it (200).

    A ticket that is there is changed as by PATCH: what is left out stays. `requester`, `channel`
    and `lane` count for a new one only. `If-None-Match: *` only makes, `If-Match` only changes.
    """
    _require_name(source, external_id)
    content = _new_content(document)
    with parts().database.reading() as connection:
        ticket_id = repository.ticket_by_external_id(connection, source, external_id)
    if ticket_id is None:
        check_absent("ticket")
        made = _make({**content, "source": source, "external_id": external_id})
        if isinstance(made, Response):
            return made
        ticket_id = made
    with change() as unit:
        ticket, assignee = repository.locked_ticket(unit.tx, ticket_id)
        check_version(ticket["version"])
        changes = {name: document[name] for name in document if name in _patch_schema.fields}
        return edit(unit, ticket, assignee, Patch(_patch_schema, changes))


def _make(content: Mapping[str, Any]) -> Response | str:
    """Make the ticket and return the answer, or the id of one that somebody else just made."""
    app = parts()
    app.reference.require(content)
    new = NewTicket(content, actor(), g.request_id)
    try:
        accepted = app.committer.submit(Submission(new, claim_of_request()))
    except Conflict as conflict:
        if "ticket_id" not in conflict.extra:
            raise
        return str(conflict.extra["ticket_id"])
    return replayed(accepted.answer) if accepted.replayed else told(accepted.answer)


def _new_content(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the document as that of a new ticket: a null in a custom field is one left out."""
    given = dict(document)
    if isinstance(given.get("custom_fields"), Mapping):
        given["custom_fields"] = merge_patch({}, given["custom_fields"])
    try:
        return dict(_new_schema.load(given))
    except ValidationError as error:
        raise refused_fields(error.messages) from error


def _require_name(source: str, external_id: str) -> None:
    errors = []
    if not re.match(SLUG_PATTERN, source):
        detail = "Use 1 to 63 characters: lower-case letters, digits, and . _ - inside."
        errors.append(FieldError("/path/source", detail))
    if len(external_id) > MAX_EXTERNAL_ID:
        detail = f"Longer than maximum length {MAX_EXTERNAL_ID}."
        errors.append(FieldError("/path/external_id", detail))
    if errors:
        raise InvalidInput("The path names no ticket that could be.", errors)
