"""Who has a ticket: assigning by hand, answering offers, sending it to another team."""

from collections.abc import Mapping
from typing import Any

from flask import Response, g

from services.intake import repository
from services.intake.api.auth import requires
from services.intake.api.change import change
from services.intake.api.http import actor, asked, blueprint, body, parts
from services.intake.api.preconditions import check_version, etag
from shared.db import ticket_changes
from shared.domain.errors import Conflict, FieldError, InvalidInput
from shared.domain.ticket import TicketStatus
from shared.domain.weight import ticket_weight
from shared.domain.work import ListName
from shared.schemas.assignment import AnswerOfferSchema, AssignSchema, OfferAnswer, TransferSchema
from shared.schemas.ticket import TicketSchema

blp = blueprint("assignment", "Who has a ticket, by hand and by offer.")

_PROBLEMS = (400, 401, 403, 404, 409, 412, 413, 415, 422, 503)


@blp.route("/tickets/<ticket_id>/assignment", methods=["PUT"])
@requires("tickets:write", problems=_PROBLEMS)
@body(AssignSchema())
@blp.response(200, TicketSchema())
def assign_ticket(content: Mapping[str, Any], ticket_id: str) -> Response:
    """Give a ticket to an agent, whoever has it now.

    The agent must be online and have room unless `guard` is false; the decision's record says so.
    """
    by = asked(content["reason"])
    with change() as unit:
        tx = unit.tx
        ticket, holder = repository.locked_ticket(tx, ticket_id)
        check_version(ticket["version"])
        agent = repository.agent_identity(tx, content["agent_id"])
        if agent is None:
            detail = f"There is no agent {content['agent_id']!r}."
            raise InvalidInput(detail, [FieldError("/agent_id", detail)])
        if ticket["status"] is TicketStatus.OPEN and ticket["assignee_id"] == agent["id"]:
            document = ticket_changes.ticket_document(ticket, holder)
            return unit.answer(document, headers={"ETag": etag(ticket["version"])})
        profile = repository.profile_of_team(tx, ticket["team"])
        weight = ticket_weight(
            profile["channel_weights"],
            profile["priority_weights"],
            ticket["channel"],
            ticket["priority"],
        )
        document = ticket_changes.assign_by_hand(
            tx, ticket, agent, weight, parts().now(), by, guard=content["guard"], before=holder
        )
        unit.ring(ListName.EVENTS, ListName.MATCHING)
        return unit.answer(document, headers={"ETag": etag(document["version"])})


@blp.route("/tickets/<ticket_id>/transfer", methods=["POST"])
@requires("tickets:write", problems=_PROBLEMS)
@body(TransferSchema())
@blp.response(200, TicketSchema())
def transfer_ticket(content: Mapping[str, Any], ticket_id: str) -> Response:
    """Hand a ticket over, or escalate it, to another team; it is routed there at once.

    Rules apply again and may change what is given here.
    """
    app = parts()
    changes = dict(content)
    escalated, reason = changes.pop("escalate"), changes.pop("reason")
    app.reference.require(changes)
    by = asked(reason)
    with change() as unit:
        ticket, holder = repository.locked_ticket(unit.tx, ticket_id)
        check_version(ticket["version"])
        document = ticket_changes.transfer(
            unit.tx, ticket, holder, changes, app.now(), by, escalated=escalated
        )
        unit.ring(ListName.EVENTS, ListName.ROUTING, ListName.MATCHING)
        return unit.answer(document, headers={"ETag": etag(document["version"])})


@blp.route("/tickets/<ticket_id>/offer", methods=["POST"])
@requires("tickets:write", problems=_PROBLEMS)
@body(AnswerOfferSchema())
@blp.response(200, TicketSchema())
def answer_offer(content: Mapping[str, Any], ticket_id: str) -> Response:
    """Accept or decline the offer of a ticket, in the name of the agent who was asked."""
    with change() as unit:
        tx = unit.tx
        ticket, _ = repository.locked_ticket(tx, ticket_id)
        check_version(ticket["version"])
        now = parts().now()
        offer = repository.open_offer(tx, ticket_id, now)
        if offer is None or offer.agent["id"] != content["agent_id"]:
            raise Conflict(
                "The ticket is not offered to this agent, or no longer: the time was over, "
                "somebody answered, or it went elsewhere."
            )
        if content["answer"] is OfferAnswer.ACCEPT:
            ticket_changes.accept(tx, ticket, offer, now, actor(), g.request_id)
        else:
            ticket_changes.decline(
                tx,
                [(ticket, offer.agent)],
                now,
                actor(),
                reason=content["reason"],
                request=g.request_id,
            )
        unit.ring(ListName.EVENTS, ListName.ROUTING, ListName.MATCHING)
        changed, assignee = repository.ticket(tx.flushed(), ticket_id)
        document = ticket_changes.ticket_document(changed, assignee)
        return unit.answer(document, headers={"ETag": etag(changed["version"])})
