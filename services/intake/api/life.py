"""The life of a ticket: steps, the documented solution, its verification and the rating."""

from collections.abc import Callable, Mapping
from typing import Any

from flask import Response

from services.intake import repository
from services.intake.api.auth import requires
from services.intake.api.change import Change, change
from services.intake.api.http import asked, blueprint, body, parts
from services.intake.api.preconditions import check_version, etag
from services.intake.api.seen import by_requester, seen_ticket
from shared.db import ticket_changes
from shared.db.engine import Row, Transaction
from shared.domain.errors import Forbidden
from shared.domain.lifecycle import FAMILY_STEPS, Transition
from shared.domain.outcome import VerificationMethod
from shared.domain.role import LEADS, WITH_REQUESTERS, Role
from shared.domain.work import ListName
from shared.schemas.outcome import RatingSchema, VerificationSchema
from shared.schemas.ticket import ResolutionSchema, TicketSchema, TransitionSchema

blp = blueprint("life", "Where a ticket stands, and what came out of it.")

_PROBLEMS = (400, 401, 403, 404, 409, 412, 413, 415, 422, 503)

#: What a change does with a locked ticket and whoever has it; None if there is nothing to do.
_Step = Callable[[Transaction, Row, dict[str, Any] | None], dict[str, Any] | None]


@blp.route("/tickets/<ticket_id>/transitions", methods=["POST"])
@requires("tickets:write", problems=_PROBLEMS, roles=WITH_REQUESTERS)
@body(TransitionSchema())
@blp.response(200, TicketSchema())
def transition_ticket(content: Mapping[str, Any], ticket_id: str) -> Response:
    """Take a step in the life of a ticket.

    `ask` waits for the requester, `hold` for somebody else, `resume` goes on; `resolve`, `close`,
    `reopen`, `cancel`, `mark_spam` and `restore` are what they say.
    """
    app = parts()
    details = dict(content)
    step: Transition = details.pop("transition")
    with change() as unit:
        if step in FAMILY_STEPS:
            ticket_changes.lock_family(unit.tx, ticket_id)
        return _changed(
            unit,
            ticket_id,
            lambda tx, ticket, assignee: ticket_changes.transition(
                tx, ticket, assignee, step, details, app.now(), asked(), app.rules
            ),
        )


@blp.route("/tickets/<ticket_id>/resolution", methods=["PUT"])
@requires("tickets:write", problems=_PROBLEMS)
@body(ResolutionSchema())
@blp.response(200, TicketSchema())
def document_resolution(content: Mapping[str, Any], ticket_id: str) -> Response:
    """Write down, or correct, how a solved ticket was solved."""
    app = parts()
    with change() as unit:
        return _changed(
            unit,
            ticket_id,
            lambda tx, ticket, assignee: ticket_changes.document_resolution(
                tx, ticket, assignee, content, app.now(), asked()
            ),
        )


@blp.route("/tickets/<ticket_id>/verification", methods=["PUT"])
@requires("tickets:write", problems=_PROBLEMS, roles=WITH_REQUESTERS)
@body(VerificationSchema())
@blp.response(200, TicketSchema())
def verify_ticket(content: Mapping[str, Any], ticket_id: str) -> Response:
    """Record how it is known that the solution holds: by a test, or because the requester says so.

    A requester's confirmation closes the ticket, where the installation is set so. A solution that
    does not hold reopens it. What a key of staff says for the requester is marked `on_behalf`.
    """
    app = parts()
    if by_requester() and content["method"] is not VerificationMethod.REQUESTER:
        message = "A requester says whether the solution holds; tests are the desk's."
        raise Forbidden(message)
    with change() as unit:
        if content["passed"] and content["method"] is VerificationMethod.REQUESTER:
            ticket_changes.lock_family(unit.tx, ticket_id)
        return _changed(
            unit,
            ticket_id,
            lambda tx, ticket, assignee: ticket_changes.verify(
                tx, ticket, assignee, content, app.now(), asked(), app.rules
            ),
        )


@blp.route("/tickets/<ticket_id>/satisfaction", methods=["PUT"])
@requires("tickets:write", problems=_PROBLEMS, roles=LEADS | {Role.REQUESTER})
@body(RatingSchema())
@blp.response(200, TicketSchema())
def rate_ticket(content: Mapping[str, Any], ticket_id: str) -> Response:
    """Record how content the requester is; once for each resolution, and changeable for a time.

    Leads and admins may record what the requester told them: it is marked `on_behalf`. Agents do
    not rate their own work.
    """
    app = parts()
    score, words = content["score"], content["comment"]
    with change() as unit:
        return _changed(
            unit,
            ticket_id,
            lambda tx, ticket, assignee: ticket_changes.rate(
                tx, ticket, assignee, score, words, app.now(), asked(), app.rules
            ),
        )


def _changed(unit: Change, ticket_id: str, step: _Step) -> Response:
    ticket, assignee = repository.locked_ticket(unit.tx, ticket_id)
    check_version(ticket["version"])
    document = step(unit.tx, ticket, assignee)
    if document is None:
        document = ticket_changes.ticket_document(ticket, assignee)
    else:
        unit.ring(ListName.EVENTS, ListName.ROUTING, ListName.MATCHING)
    return unit.answer(seen_ticket(document), headers={"ETag": etag(document["version"])})
