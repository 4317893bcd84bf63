"""The JSON twin of the status page, and the link to that page for programs of the desk."""

from http import HTTPStatus

from flask import Response, request

from services.intake import repository
from services.intake.api.auth import requires
from services.intake.api.http import answer, blueprint, parts
from services.intake.pages.public_repository import number_of
from services.intake.pages.render import date_words, texts
from services.intake.pages.site import site
from services.intake.pages.ticket_view import facts, next_steps
from services.intake.pages.visitor import locale_of
from shared.domain.errors import BadToken, NotFound
from shared.schemas.public_ticket import PublicTicketSchema, StatusLinkSchema

blp = blueprint("public", "What a customer may know of a ticket, without a key.")

_schema = PublicTicketSchema()

_PROBLEM = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}


@blp.route("/public/tickets/<token>", methods=["GET"])
@blp.doc(
    security=[{}],
    responses={
        str(status): {"description": HTTPStatus(status).phrase, "content": _PROBLEM}
        for status in (404, 503)
    },
)
@blp.response(200, PublicTicketSchema())
def get_public_ticket(token: str) -> Response:
    """Read how a ticket stands, in the customer's words and language.

    The token is the last part of the status page's address; no key is needed.
    """
    app, t = parts(), texts()
    try:
        ticket_id = site().links.ticket_id(token)
    except BadToken as error:
        message = "There is no ticket behind this link, or the link is not valid any more."
        raise NotFound(message) from error
    with app.database.reading() as connection:
        ticket, _ = repository.ticket(connection, ticket_id)
        joined = number_of(connection, ticket["merged_into_id"])
    found = facts(ticket)
    day = date_words(locale_of(request, t.language))
    document = _schema.dump(
        {
            "number": found.number,
            "submitted_at": found.submitted_at,
            "status": found.status,
            "status_text": t(f"status.{found.status}"),
            "expected_resolution_at": found.expected_at,
            "next_steps": next_steps(ticket, app.now(), app.rules, t, day, joined),
        }
    )
    headers = {
        "Cache-Control": "no-store",
        "Content-Language": t.language,
        "Vary": "Accept-Language",
        "Referrer-Policy": "no-referrer",
    }
    return answer(document, headers=headers)


@blp.route("/tickets/<ticket_id>/status-link", methods=["GET"])
@requires("tickets:write", problems=(401, 403, 404, 503))
@blp.response(200, StatusLinkSchema())
def get_status_link(ticket_id: str) -> Response:
    """Get the link to a ticket's status page, to be handed to its requester and nobody else.

    Whoever has it may answer, cancel, confirm and rate as the requester, so it takes the right to
    write tickets. It is good until the signing keys are rotated.
    """
    with parts().database.reading() as connection:
        repository.one(connection, repository.TICKETS, ticket_id, "ticket")
    return answer({"url": site().links.status(ticket_id)}, headers={"Cache-Control": "no-store"})
