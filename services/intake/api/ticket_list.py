"""GET /v1/tickets: the list, filtered, sorted, page by page."""

from collections.abc import Mapping
from typing import Any

from flask import Response, g
from marshmallow import RAISE

from services.intake import repository, ticket_list
from services.intake.api.auth import requires
from services.intake.api.cursor import encode
from services.intake.api.http import PageQuerySchema, answer, blueprint, parts
from services.intake.api.seen import by_requester, require_fields, require_filters, seen_ticket
from shared.db import ticket_changes
from shared.domain.errors import FieldError, InvalidInput
from shared.domain.role import WITH_REQUESTERS
from shared.schemas.ticket import PartialTicketPageSchema
from shared.schemas.ticket_list import TicketFilterSchema, TicketViewSchema

blp = blueprint("tickets", "Requests for help, from the first word to the solution.")

_VIEW = ("after", "limit", "sort", "fields_")


class TicketListQuerySchema(TicketFilterSchema, TicketViewSchema, PageQuerySchema):
    """Which tickets, and how to show them."""


@blp.route("/tickets", methods=["GET"])
@requires("tickets:read", problems=(401, 403, 422, 503), roles=WITH_REQUESTERS)
@blp.arguments(TicketListQuerySchema(), location="query", unknown=RAISE)
@blp.response(200, PartialTicketPageSchema())
def list_tickets(query: Mapping[str, Any]) -> Response:
    """Read tickets, the newest first unless told otherwise.

    Filters must all hold; of several values, separated by commas, any will do. `fields` leaves out
    all but those it names. A requester's key finds their own, each a `RequesterTicket`.
    """
    app = parts()
    sort, limit = query["sort"], query["limit"]
    after = query["after"] or None
    if after and after[0] != sort.value:
        detail = f"This cursor is of the order {after[0]!r}; read on in that."
        raise InvalidInput(detail, [FieldError("/query/after", detail)])
    filters = {name: value for name, value in query.items() if name not in _VIEW}
    require_filters(filters)
    require_fields(query["fields_"] or ())
    if by_requester():
        filters["owner"] = g.caller.requester_id
    with app.database.searching() as connection:
        found = ticket_list.tickets(
            connection, app.database.dialect, filters, sort, after, limit + 1
        )
    shown = found[:limit]
    following = encode(*ticket_list.position(shown[-1], sort)) if len(found) > limit else None
    documents = [
        seen_ticket(ticket_changes.ticket_document(row, repository.assignee_of(row)))
        for row in shown
    ]
    names = query["fields_"]
    if names is not None:
        documents = [{name: document[name] for name in names} for document in documents]
    return answer({"items": documents, "next": following})
