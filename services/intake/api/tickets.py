"""/v1/tickets: making, reading and editing tickets."""

from collections.abc import Mapping
from typing import Any

from flask import Response, g
from marshmallow import RAISE, fields, validate

from services.intake import repository
from services.intake.api import ticket_list
from services.intake.api.auth import requires
from services.intake.api.change import change
from services.intake.api.http import (
    MAX_LIMIT,
    PageQuerySchema,
    actor,
    answer,
    body,
    page,
    parts,
)
from services.intake.api.patches import Patch, patch_body
from services.intake.api.preconditions import etag, require_version
from services.intake.api.replays import claim_of_request, replay_if_known, replayed, told
from services.intake.api.seen import by_requester, require_settable, seen_ticket
from services.intake.api.ticket_edits import edit
from services.intake.group_commit import Submission
from shared.db import ticket_changes
from shared.db.ticket_changes import NewTicket
from shared.db.types import load_json
from shared.domain.errors import InvalidInput
from shared.domain.role import EVERYBODY, WITH_REQUESTERS
from shared.schemas.base import StrictSchema
from shared.schemas.base import page as page_schema
from shared.schemas.decisions import DecisionPageSchema, DecisionSchema
from shared.schemas.events import EventSchema
from shared.schemas.requester_view import ticket_view
from shared.schemas.ticket import (
    CreateTicketSchema,
    TicketSchema,
    UpdateTicketSchema,
)

blp = ticket_list.blp

#: Longer than `bulk`, which is no ticket but a path of its own, with other methods.
TICKET_ID = "<string(minlength=5):ticket_id>"

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
@requires("tickets:write", problems=(400, 401, 403, 409, 413, 415, 422, 503), roles=EVERYBODY)
@body(CreateTicketSchema(), replays=False)
@blp.response(201, TicketSchema())
def create_ticket(content: Mapping[str, Any]) -> Response:
    """Make a ticket.

    When the answer comes the ticket is stored and will be routed, whatever fails afterwards. With
    an `Idempotency-Key` header the same request can be sent again without a second ticket. With a
    requester's key the ticket is theirs, whoever `requester` names; what is the desk's to set,
    such as the priority, is refused, and the answer is a `RequesterTicket`.
    """
    app = parts()
    if by_requester():
        require_settable(g.body)
        content = {**content, "requester": {"id": g.caller.requester_id}}
    try:
        app.reference.require(content)
    except InvalidInput:
        # What the first request with this key named may be gone, and its answer stands.
        replay_if_known()
        raise
    new = NewTicket(content, actor(), g.request_id)
    accepted = app.committer.submit(
        Submission(new, claim_of_request(), ticket_view if by_requester() else None)
    )
    return replayed(accepted.answer) if accepted.replayed else told(accepted.answer)


@blp.route(f"/tickets/{TICKET_ID}", methods=["GET"])
@requires("tickets:read", problems=(401, 403, 404, 503), roles=WITH_REQUESTERS)
@blp.response(200, TicketSchema())
def get_ticket(ticket_id: str) -> Response:
    """Read a ticket; a requester's key reads a `RequesterTicket`."""
    with parts().database.reading() as connection:
        ticket, assignee = repository.ticket(connection, ticket_id)
    document = ticket_changes.ticket_document(ticket, assignee)
    return answer(seen_ticket(document), headers={"ETag": etag(ticket["version"])})


@blp.route(f"/tickets/{TICKET_ID}", methods=["PATCH"])
@requires("tickets:write", problems=(400, 401, 403, 404, 409, 412, 413, 415, 422, 428, 503))
@patch_body(UpdateTicketSchema)
@blp.response(200, TicketSchema())
def update_ticket(patch: Patch, ticket_id: str) -> Response:
    """Change fields of a ticket by a merge patch (RFC 7396).

    What is left out stays, lists are replaced whole, and null removes a custom field. `If-Match`
    says which version is changed: its ETag, or `*` for whatever is there.
    """
    with change() as unit:
        ticket, assignee = repository.locked_ticket(unit.tx, ticket_id)
        require_version(ticket["version"])
        return edit(unit, ticket, assignee, patch)


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
