"""Tickets that belong together: links, merging, follow-ups."""

from collections.abc import Mapping
from typing import Any

from flask import Response

from services.intake import conversation_repository
from services.intake.api.auth import requires
from services.intake.api.change import change
from services.intake.api.http import answer, asked, blueprint, body, parts
from services.intake.api.preconditions import check_version, etag
from services.intake.api.seen import seen_ticket
from shared.db import ticket_changes
from shared.db.engine import Transaction
from shared.db.ticket_changes import Member
from shared.domain.errors import FieldError, InvalidInput, NotFound
from shared.domain.link import LinkKind
from shared.domain.role import WITH_REQUESTERS
from shared.domain.work import ListName
from shared.schemas.outcome import (
    FollowUpSchema,
    LinkedListSchema,
    LinkedSchema,
    LinkSchema,
    MergeSchema,
)
from shared.schemas.ticket import TicketSchema

blp = blueprint("links", "Tickets that belong together.")

_PROBLEMS = (400, 401, 403, 404, 409, 412, 413, 415, 422, 503)
_linked = LinkedSchema()


@blp.route("/tickets/<ticket_id>/links", methods=["GET"])
@requires("tickets:read", problems=(401, 403, 404, 503))
@blp.response(200, LinkedListSchema())
def list_links(ticket_id: str) -> Response:
    """Read which tickets this one belongs with, in both directions; all of them."""
    with parts().database.reading() as connection:
        rows = conversation_repository.linked(connection, ticket_id)
    return answer({"items": [_linked.dump(row) for row in rows]})


@blp.route("/tickets/<ticket_id>/links", methods=["POST"])
@requires("tickets:write", problems=_PROBLEMS)
@body(LinkSchema())
@blp.response(204)
def add_link(content: Mapping[str, Any], ticket_id: str) -> Response:
    """Link a ticket with another: `parent` makes the other one its parent, and so on."""
    with change() as unit:
        one, other = _both(unit.tx, ticket_id, content["ticket_id"], "/ticket_id", content["kind"])
        check_version(one[0]["version"])
        ticket_changes.link(unit.tx, one, other, content["kind"], parts().now(), asked())
        unit.ring(ListName.EVENTS)
        return unit.answer(None, 204)


@blp.route("/tickets/<ticket_id>/links/<kind>/<other_id>", methods=["DELETE"])
@requires("tickets:write", problems=(401, 403, 404, 412, 503))
@blp.response(204)
def delete_link(ticket_id: str, kind: str, other_id: str) -> Response:
    """Take a link away again, in the direction in which it was made."""
    if kind not in set(LinkKind) - {LinkKind.MERGED}:
        message = f"There is no kind of link {kind!r} that can be taken away."
        raise NotFound(message)
    with change() as unit:
        one, other = _both(unit.tx, ticket_id, other_id, None)
        check_version(one[0]["version"])
        ticket_changes.unlink(unit.tx, one, other, LinkKind(kind), parts().now(), asked())
        unit.ring(ListName.EVENTS)
        return unit.answer(None, 204)


@blp.route("/tickets/<ticket_id>/merge", methods=["POST"])
@requires("tickets:write", problems=_PROBLEMS)
@body(MergeSchema())
@blp.response(200, TicketSchema())
def merge_ticket(content: Mapping[str, Any], ticket_id: str) -> Response:
    """Make a ticket part of another one; answers with that one."""
    with change() as unit:
        one, other = _both(unit.tx, ticket_id, content["into"], "/into", LinkKind.MERGED)
        check_version(one[0]["version"])
        document = ticket_changes.merge(unit.tx, one, other, parts().now(), asked())
        unit.ring(ListName.EVENTS, ListName.MATCHING)
        return unit.answer(document, headers={"ETag": etag(document["version"])})


@blp.route("/tickets/<ticket_id>/follow-ups", methods=["POST"])
@requires("tickets:write", problems=_PROBLEMS, roles=WITH_REQUESTERS)
@body(FollowUpSchema())
@blp.response(201, TicketSchema())
def add_follow_up(content: Mapping[str, Any], ticket_id: str) -> Response:
    """Make a new ticket about one that is over, of the same requester, linked with it."""
    description, subject = content["description"], content["subject"]
    with change() as unit:
        found = ticket_changes.members(unit.tx, [ticket_id])
        if not found:
            raise _no_ticket(ticket_id)
        document = ticket_changes.follow_up(
            unit.tx, found[0], description, subject, parts().now(), asked()
        )
        unit.ring(ListName.ROUTING, ListName.EVENTS)
        headers = {"Location": f"/v1/tickets/{document['id']}", "ETag": etag(document["version"])}
        return unit.answer(seen_ticket(document), 201, headers)


def _both(
    tx: Transaction,
    ticket_id: str,
    other_id: str,
    pointer: str | None,
    kind: LinkKind | None = None,
) -> tuple[Member, Member]:
    """Lock two tickets; the other one is named at `pointer`, or in the path.

    For a new parent its ancestors are locked too: of several links that would close a circle
    together, each but the first then sees the one before. For merging, the children are as well.
    """
    new_parent = kind in (LinkKind.PARENT, LinkKind.MERGED)
    family = ticket_changes.ancestors(tx, other_id) if new_parent else []
    if kind is LinkKind.MERGED:
        family += ticket_changes.children_of(tx, [ticket_id])
    locked = ticket_changes.members(tx, [ticket_id, other_id, *family])
    found = {member[0]["id"]: member for member in locked}
    if ticket_id not in found:
        raise _no_ticket(ticket_id)
    if other_id not in found:
        if pointer is None:
            raise _no_ticket(other_id)
        detail = f"There is no ticket {other_id!r}."
        raise InvalidInput(detail, [FieldError(pointer, detail)])
    return found[ticket_id], found[other_id]


def _no_ticket(ticket_id: str) -> NotFound:
    return NotFound(f"There is no ticket {ticket_id!r}.")
