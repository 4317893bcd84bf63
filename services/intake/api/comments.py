"""/v1/tickets/{id}/comments: the conversation."""

from collections.abc import Mapping
from typing import Any

from flask import Response, g
from marshmallow import RAISE

from services.intake import conversation_repository, repository
from services.intake.api.auth import requires
from services.intake.api.change import change
from services.intake.api.cursor import encode
from services.intake.api.http import (
    PageQuerySchema,
    answer,
    asked,
    blueprint,
    body,
    parts,
)
from services.intake.api.preconditions import check_version, etag
from services.intake.api.seen import by_requester, seen_comment
from shared.db import ticket_changes
from shared.db.engine import Row, Transaction
from shared.db.ticket_changes import Author, NewComment
from shared.domain.comment import AuthorKind, Visibility
from shared.domain.errors import FieldError, InvalidInput
from shared.domain.role import WITH_REQUESTERS
from shared.domain.work import ListName
from shared.schemas.comment import CommentPageSchema, CommentSchema, CreateCommentSchema

blp = blueprint("comments", "What is said about a ticket.")


@blp.route("/tickets/<ticket_id>/comments", methods=["POST"])
@requires(
    "tickets:write",
    problems=(400, 401, 403, 404, 409, 412, 413, 415, 422, 503),
    roles=WITH_REQUESTERS,
)
@body(CreateCommentSchema())
@blp.response(201, CommentSchema())
def add_comment(content: Mapping[str, Any], ticket_id: str) -> Response:
    """Say something about a ticket.

    What the requester says lets a pending ticket go on and reopens a resolved one; the answer has
    the ticket's new version as its ETag.
    """
    app = parts()
    rules = app.files.receiving.rules
    theirs = by_requester()
    with change() as unit:
        ticket, assignee = repository.locked_ticket(unit.tx, ticket_id)
        check_version(ticket["version"])
        said = NewComment(
            _author(unit.tx, ticket, content["author"]),
            content["body"],
            Visibility.PUBLIC if theirs else content["visibility"],
            0 if theirs else content["time_spent_s"],
            content["attachments"],
        )
        comment, changed = ticket_changes.comment(
            unit.tx, ticket, assignee, said, app.now(), asked(), app.rules, rules
        )
        unit.ring(ListName.EVENTS, ListName.ROUTING)
        if content["attachments"] and rules.scan:
            unit.ring(ListName.SCANNING)
        place = f"/v1/tickets/{ticket_id}/comments/{comment['id']}"
        headers = {"Location": place, "ETag": etag(changed["version"])}
        return unit.answer(seen_comment(comment), 201, headers)


@blp.route("/tickets/<ticket_id>/comments", methods=["GET"])
@requires("tickets:read", problems=(401, 403, 404, 422, 503), roles=WITH_REQUESTERS)
@blp.arguments(PageQuerySchema(), location="query", unknown=RAISE)
@blp.response(200, CommentPageSchema())
def list_comments(query: Mapping[str, Any], ticket_id: str) -> Response:
    """Read what was said, in order; a requester's key sees what is public."""
    limit = query["limit"]
    with parts().database.reading() as connection:
        rows = conversation_repository.comments(
            connection, ticket_id, query["after"], limit + 1, _visible()
        )
        attached = conversation_repository.attached(connection, [row["id"] for row in rows])
    shown = [
        seen_comment(ticket_changes.comment_document(row, attached.get(row["id"], ())))
        for row in rows[:limit]
    ]
    following = encode(shown[-1]["id"]) if len(rows) > limit else None
    return answer({"items": shown, "next": following})


@blp.route("/tickets/<ticket_id>/comments/<comment_id>", methods=["GET"])
@requires("tickets:read", problems=(401, 403, 404, 503), roles=WITH_REQUESTERS)
@blp.response(200, CommentSchema())
def get_comment(ticket_id: str, comment_id: str) -> Response:
    """Read one comment."""
    with parts().database.reading() as connection:
        row = conversation_repository.comment(connection, ticket_id, comment_id, _visible())
        attached = conversation_repository.attached(connection, [comment_id])
    return answer(seen_comment(ticket_changes.comment_document(row, attached.get(comment_id, ()))))


def _visible() -> list[Visibility]:
    return [Visibility.PUBLIC] if by_requester() else list(Visibility)


def _author(tx: Transaction, ticket: Row, given: Mapping[str, Any] | None) -> Author:
    """Return who says it; a requester's key speaks for the requester, whatever it says."""
    if by_requester() or (given and given["kind"] is AuthorKind.REQUESTER):
        name = ticket["requester"].get("name")
        return Author(AuthorKind.REQUESTER, ticket["requester_id"], name)
    if given is None or given["kind"] is AuthorKind.API:
        return Author(AuthorKind.API, g.caller.key_id, (given or {}).get("name") or g.caller.name)
    agent = repository.agent_identity(tx, given["id"])
    if agent is None:
        detail = f"There is no agent {given['id']!r}."
        raise InvalidInput(detail, [FieldError("/author/id", detail)])
    return Author(AuthorKind.AGENT, agent["id"], agent["name"])
