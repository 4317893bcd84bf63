"""/v1/attachments, and those of a ticket: sending, reading and deleting files and links."""

from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any

from flask import Response, g, request
from marshmallow import RAISE

from services.intake import repository
from services.intake.api import described
from services.intake.api.auth import requires
from services.intake.api.change import change
from services.intake.api.downloads import send_file
from services.intake.api.http import (
    PageQuerySchema,
    actor,
    answer,
    blueprint,
    load_body,
    page,
    parts,
)
from services.intake.api.multipart import receive_files
from services.intake.api.seen import by_requester, seen_attachment
from services.intake.api.transfers import body_pieces
from services.intake.attachments import repository as attachment_rows
from shared.db import ticket_changes
from shared.domain.attachment import AttachmentKind, ScanState
from shared.domain.errors import (
    Conflict,
    Infected,
    NotFound,
    NotScannedYet,
    PatchbayError,
    Unavailable,
)
from shared.domain.file_name import clean_name
from shared.domain.role import WITH_REQUESTERS
from shared.domain.work import ListName
from shared.schemas.attachment import (
    AttachmentPageSchema,
    AttachmentSchema,
    AttachmentsSchema,
    CreateLinkSchema,
)
from shared.storage.base import ObjectMissing

FORM = "multipart/form-data"

blp = blueprint("attachments", "Files on tickets, and links to what is too large.")

_schema, _link = AttachmentSchema(), CreateLinkSchema()


@blp.route("/tickets/<ticket_id>/attachments", methods=["POST"])
@described.bodies({FORM: described.FORM, "application/json": CreateLinkSchema})
@requires(
    "tickets:write",
    problems=(400, 401, 403, 404, 408, 409, 413, 415, 422, 503),
    roles=WITH_REQUESTERS,
)
@blp.response(201, AttachmentsSchema())
def attach(ticket_id: str) -> Response:
    """Attach files, as a form of one or more, or a link, as JSON.

    Each file is judged by its content, whatever its name says. What is too large is refused with
    the limit; compress it, or attach a link. Of several files all are taken or none.
    """
    with parts().database.reading() as connection:
        repository.one(connection, repository.TICKETS, ticket_id, "ticket")
    if request.mimetype == FORM:
        return _attach_files(ticket_id)
    return _attach_link(ticket_id)


attach.media_types = frozenset({FORM, "application/json"})


@blp.route("/tickets/<ticket_id>/attachments", methods=["GET"])
@requires("tickets:read", problems=(401, 403, 404, 422, 503), roles=WITH_REQUESTERS)
@blp.arguments(PageQuerySchema(), location="query", unknown=RAISE)
@blp.response(200, AttachmentPageSchema())
def list_attachments(query: Mapping[str, Any], ticket_id: str) -> Response:
    """List the attachments of a ticket and its comments, oldest first."""
    with parts().database.reading() as connection:
        repository.one(connection, repository.TICKETS, ticket_id, "ticket")
        rows = attachment_rows.attachments_of(
            connection,
            ticket_id,
            query["after"],
            query["limit"] + 1,
            public=by_requester(),
        )
    found = [ticket_changes.with_url(row) for row in rows]
    return page(_schema, found, "id", query["limit"], seen_attachment)


@blp.route("/attachments/<attachment_id>", methods=["GET"])
@requires("tickets:read", problems=(401, 403, 404, 503), roles=WITH_REQUESTERS)
@blp.response(200, AttachmentSchema())
def get_attachment(attachment_id: str) -> Response:
    """Read what is known of an attachment."""
    return answer(seen_attachment(ticket_changes.attachment_document(_row(attachment_id))))


@blp.route("/attachments/<attachment_id>/content", methods=["GET"])
@described.content
@requires("tickets:read", problems=(401, 403, 404, 409, 416, 503), roles=WITH_REQUESTERS)
@blp.response(200)
def get_content(attachment_id: str) -> Response:
    """Download a file, or a part of it by `Range`.

    The ETag is the SHA-256 of the whole. A file that waits for the virus scan, or failed it, is not
    handed out.
    """
    row = _row(attachment_id)
    if row["kind"] is not AttachmentKind.FILE:
        message = f"{attachment_id!r} is a link; its `url` is where it leads."
        raise NotFound(message)
    if row["state"] is ScanState.PENDING:
        message = "The virus scan has not seen this file yet; try again in a moment."
        raise NotScannedYet(message)
    if row["state"] is ScanState.INFECTED:
        message = "The virus scan found something in this file; it is not handed out."
        raise Infected(message, finding=row["finding"])
    app = parts()
    try:
        return send_file(app.files.receiving.storage, row, app.files.downloads.take)
    except ObjectMissing as error:
        message = f"The content of {attachment_id!r} is gone from the storage."
        raise NotFound(message) from error


@blp.route("/attachments/<attachment_id>", methods=["DELETE"])
@requires("tickets:write", problems=(401, 403, 404, 409, 503))
@blp.response(204)
def delete_attachment(attachment_id: str) -> Response:
    """Delete a file or link, for good."""
    app = parts()
    with change() as unit:
        tx = unit.tx
        found = attachment_rows.attachment(tx.connection, attachment_id)
        ticket, assignee = repository.locked_ticket(tx, found["ticket_id"])
        # Looked up again under the ticket's lock: of two who delete it, one does.
        row = attachment_rows.attachment(tx.connection, attachment_id)
        if row["ticket_id"] != ticket["id"]:
            message = "Its ticket was merged into another in this moment; repeat the request."
            raise Conflict(message, merged_into=row["ticket_id"])
        ticket_changes.detach(tx, ticket, assignee, attachment_id, app.now(), actor(), g.request_id)
        unit.ring(ListName.EVENTS)
        response = unit.answer(None, 204)
    if row["storage_key"] is not None:
        app.files.discard([row["storage_key"]])
    return response


def _attach_files(ticket_id: str) -> Response:
    app = parts()
    receiving = app.files.receiving
    rules = receiving.rules
    with app.files.uploads.taken(), ExitStack() as stack:
        with body_pieces(app.files.timeout_s) as pieces:
            files = receive_files(pieces, receiving.spool, rules.max_count, stack)
        looked = [receiving.look(each.spool, each.name) for each in files]
        size = sum(content["size"] for content in looked)
        rules.require_room({"count": 0, "size": 0}, len(looked), size)
        kept: list[dict[str, Any]] = []
        try:
            for each, content in zip(files, looked, strict=True):
                kept.append(receiving.keep(each.spool, content))
            return _attach(ticket_id, kept)
        except PatchbayError as error:
            # After Unavailable nobody knows whether the rows were written; what belongs to none
            # is found and removed later.
            if not isinstance(error, Unavailable):
                app.files.discard([content["storage_key"] for content in kept])
            raise


def _attach_link(ticket_id: str) -> Response:
    content = load_body(_link.load)
    name = clean_name(content["name"]) if content["name"] else content["url"]
    return _attach(ticket_id, [{"url": content["url"], "name": name}])


def _attach(ticket_id: str, contents: list[dict[str, Any]]) -> Response:
    app = parts()
    rules = app.files.receiving.rules
    # By which a repeated Idempotency-Key knows the same request; a form was read and is gone.
    g.body = [content.get("sha256") or content["url"] for content in contents]
    with change() as unit:
        ticket, assignee = repository.locked_ticket(unit.tx, ticket_id)
        documents = ticket_changes.attach(
            unit.tx, ticket, assignee, contents, rules, app.now(), actor(), g.request_id
        )
        unit.ring(ListName.EVENTS)
        if rules.scan:
            unit.ring(ListName.SCANNING)
        return unit.answer({"items": [seen_attachment(each) for each in documents]}, 201)


def _row(attachment_id: str) -> dict[str, Any]:
    with parts().database.reading() as connection:
        return attachment_rows.attachment(connection, attachment_id)
