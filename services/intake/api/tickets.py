"""/v1/tickets: making, reading and editing tickets."""

from collections.abc import Mapping
from typing import Any

from flask import Response, g, request
from marshmallow import RAISE, fields, validate

from services.intake import repository
from services.intake.api import ticket_list
from services.intake.api.auth import requires
from services.intake.api.http import (
    MAX_LIMIT,
    PageQuerySchema,
    actor,
    answer,
    body,
    check_version,
    etag,
    page,
    parts,
)
from services.intake.group_commit import Submission, hash_request
from shared.db import ticket_changes
from shared.db.ticket_changes import NewTicket
from shared.db.types import load_json
from shared.domain.errors import FieldError, InvalidInput
from shared.domain.work import ListName
from shared.schemas.base import StrictSchema, patch_of
from shared.schemas.base import page as page_schema
from shared.schemas.decisions import DecisionPageSchema, DecisionSchema
from shared.schemas.events import EventSchema
from shared.schemas.ticket import (
    CreateTicketSchema,
    TicketSchema,
    UpdateTicketSchema,
)

MAX_KEY_CHARS = 255

blp = ticket_list.blp

_decision_schema = DecisionSchema()


class EventQuerySchema(StrictSchema):
    """Which events of a ticket."""

    after = fields.Integer(
        load_default=0,
        validate=validate.Range(min=0, max=2**31 - 1),
        metadata={"description": "The sequence of the last event that is known already."},
    )
    limit = fields.Integer(load_default=MAX_LIMIT, validate=validate.Range(min=1, max=MAX_LIMIT))


EventPageSchema = page_schema(EventSchema)


@blp.route("/tickets", methods=["POST"])
@requires("tickets:write", problems=(400, 401, 403, 409, 413, 415, 422, 503))
@body(CreateTicketSchema())
@blp.response(201, TicketSchema())
def create_ticket(content: Mapping[str, Any]) -> Response:
    """Make a ticket.

    When the answer comes the ticket is stored and will be routed, whatever fails afterwards. With
    an `Idempotency-Key` header the same request can be sent again without a second ticket.
    """
    app = parts()
    app.reference.require(content)
    key = _idempotency_key()
    submission = Submission(
        ticket=NewTicket(content, actor(), g.request_id),
        api_key_id=g.caller.key_id,
        key=key,
        request_hash=hash_request(g.body) if key is not None else "",
    )
    accepted = app.committer.submit(submission)
    document = accepted.document
    headers = {"Location": f"/v1/tickets/{document['id']}", "ETag": etag(document["version"])}
    if accepted.replayed:
        headers["Idempotency-Replayed"] = "true"
    return answer(document, 201, headers)


@blp.route("/tickets/<ticket_id>", methods=["GET"])
@requires("tickets:read", problems=(401, 403, 404, 503))
@blp.response(200, TicketSchema())
def get_ticket(ticket_id: str) -> Response:
    """Read a ticket."""
    with parts().database.reading() as connection:
        ticket, assignee = repository.ticket(connection, ticket_id)
    document = ticket_changes.ticket_document(ticket, assignee)
    return answer(document, headers={"ETag": etag(ticket["version"])})


@blp.route("/tickets/<ticket_id>", methods=["PATCH"])
@requires("tickets:write", problems=(400, 401, 403, 404, 412, 413, 415, 422, 503))
@body(patch_of(UpdateTicketSchema))
@blp.response(200, TicketSchema())
def update_ticket(content: Mapping[str, Any], ticket_id: str) -> Response:
    """Change fields of a ticket.

    What is left out stays; lists and custom fields are replaced whole. `If-Match` guards against
    overwriting what others did.
    """
    app = parts()
    app.reference.require(content)
    with app.database.transaction() as tx:
        ticket, assignee = repository.locked_ticket(tx, ticket_id)
        check_version(ticket["version"])
        changed = ticket_changes.edit(
            tx, ticket, assignee, content, app.now(), actor(), g.request_id
        )
    if changed is None:
        changed = ticket_changes.ticket_document(ticket, assignee)
        return answer(changed, headers={"ETag": etag(changed["version"])})
    app.ring(ListName.EVENTS)
    app.ring(ListName.ROUTING)
    return answer(changed, headers={"ETag": etag(changed["version"])})


@blp.route("/tickets/<ticket_id>/events", methods=["GET"])
@requires("tickets:read", problems=(401, 403, 404, 422, 503))
@blp.arguments(EventQuerySchema(), location="query", unknown=RAISE)
@blp.response(200, EventPageSchema())
def list_ticket_events(query: Mapping[str, Any], ticket_id: str) -> Response:
    """Read what happened to a ticket, in order and without a gap."""
    limit = query["limit"]
    with parts().database.reading() as connection:
        bodies = repository.ticket_events(connection, ticket_id, query["after"], limit + 1)
    items = [load_json(body) for body in bodies[:limit]]
    following = str(items[-1]["sequence"]) if len(bodies) > limit else None
    return answer({"items": items, "next": following})


@blp.route("/tickets/<ticket_id>/decisions", methods=["GET"])
@requires("tickets:read", problems=(401, 403, 404, 422, 503))
@blp.arguments(PageQuerySchema(), location="query", unknown=RAISE)
@blp.response(200, DecisionPageSchema())
def list_ticket_decisions(query: Mapping[str, Any], ticket_id: str) -> Response:
    """Read why a ticket went where it went, and why nobody else got it."""
    with parts().database.reading() as connection:
        rows = repository.ticket_decisions(
            connection, ticket_id, query["after"], query["limit"] + 1
        )
    documents = [{**row, "explanation": load_json(row["explanation"])} for row in rows]
    return page(_decision_schema, documents, "id", query["limit"])


def _idempotency_key() -> str | None:
    """Return the key, with or without the quotes of a structured field."""
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return None
    key = key.strip().strip('"')
    if not 1 <= len(key) <= MAX_KEY_CHARS:
        detail = f"An Idempotency-Key has 1 to {MAX_KEY_CHARS} characters."
        raise InvalidInput(detail, [FieldError("/headers/Idempotency-Key", detail)])
    return key
