"""/v1/requesters: who asks for help, their history, and what the law lets them ask for."""

from collections.abc import Callable, Iterator, Mapping
from time import monotonic
from typing import Any

from flask import Response, g
from marshmallow import RAISE, ValidationError, fields, validate, validates_schema
from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from services.intake import (
    erase_requester,
    export_requester,
    merge_requesters,
    requester_profiles,
)
from services.intake import requester_repository as repository
from services.intake.api.audited import acting
from services.intake.api.auth import requires
from services.intake.api.change import change
from services.intake.api.http import (
    DEFAULT_LIMIT,
    MAX_LIMIT,
    PageQuerySchema,
    actor,
    answer,
    blueprint,
    body,
    page,
    parts,
)
from services.intake.api.preconditions import check_version, etag
from shared.db import ticket_changes
from shared.db.engine import Row
from shared.db.ticket_changes import Asked
from shared.domain.api_key import ALL
from shared.domain.errors import Forbidden
from shared.domain.identity import IdentityKind, identity_of
from shared.domain.work import ListName
from shared.schemas.base import StrictSchema, line, patch_of
from shared.schemas.requester import (
    CreateRequesterSchema,
    EraseRequesterSchema,
    MergeRequesterSchema,
    RequesterExportSchema,
    RequesterPageSchema,
    RequesterProfileSchema,
    UpdateRequesterSchema,
)
from shared.schemas.ticket import TicketPageSchema

#: How long one request goes on merging or erasing before it answers that there is more, in seconds.
WORK_S = 10.0

MAX_NUMBER = 2**63 - 1

blp = blueprint("requesters", "Who asks for help: addresses, history, merging, personal data.")

_schema = RequesterProfileSchema(unknown="exclude")


class RequesterQuerySchema(PageQuerySchema):
    """Which requesters."""

    email = fields.Email(validate=validate.Length(max=254))
    phone = line(32, 3)
    external_id = line(255, 1)

    @validates_schema
    def _number_with_country(self, data: dict[str, Any], **_: Any) -> None:
        phone = data.get("phone")
        if phone and identity_of(IdentityKind.PHONE, phone) is None:
            message = "Write the number with its country, such as +44 20 7946 0000 (%2B for +)."
            raise ValidationError(message, "phone")


class HistoryQuerySchema(StrictSchema):
    """Which tickets of a requester."""

    after = fields.Integer(
        load_default=MAX_NUMBER,
        validate=validate.Range(min=1, max=MAX_NUMBER),
        metadata={"description": "`next` of the last page."},
    )
    limit = fields.Integer(
        load_default=DEFAULT_LIMIT, validate=validate.Range(min=1, max=MAX_LIMIT)
    )


@blp.route("/requesters", methods=["POST"])
@requires("requesters:write", problems=(400, 401, 403, 409, 413, 415, 422, 503))
@body(CreateRequesterSchema())
@blp.response(201, RequesterProfileSchema())
def create_requester(content: Mapping[str, Any]) -> Response:
    """Add a requester. If an address is somebody's, the problem has their `requester_id`."""

    def write() -> Response:
        with change() as unit:
            row = requester_profiles.create(unit.tx, content, parts().now())
            place = {"Location": f"/v1/requesters/{row['id']}"}
            return unit.answer(*_shown(unit.tx.flushed(), row["id"], 201, place))

    return _once_more(write)


@blp.route("/requesters", methods=["GET"])
@requires("requesters:read", problems=(401, 403, 422, 503))
@blp.arguments(RequesterQuerySchema(), location="query", unknown=RAISE)
@blp.response(200, RequesterPageSchema())
def list_requesters(query: Mapping[str, Any]) -> Response:
    """List requesters, or find one by an address in any way of writing it."""
    wanted = [identity_of(kind, query.get(kind.value)) for kind in IdentityKind]
    with parts().database.reading() as connection:
        found = repository.listing(
            connection,
            [identity for identity in wanted if identity is not None],
            query["after"],
            query["limit"] + 1,
        )
    return page(_schema, found, "id", query["limit"])


@blp.route("/requesters/<requester_id>", methods=["GET"])
@requires("requesters:read", problems=(401, 403, 404, 503))
@blp.response(200, RequesterProfileSchema())
def get_requester(requester_id: str) -> Response:
    """Read a requester. The id of one who was merged gives the one who is left."""
    return _show(requester_id)


@blp.route("/requesters/<requester_id>", methods=["PATCH"])
@requires("requesters:write", problems=(400, 401, 403, 404, 409, 412, 413, 415, 422, 503))
@body(patch_of(UpdateRequesterSchema))
@blp.response(200, RequesterProfileSchema())
def update_requester(content: Mapping[str, Any], requester_id: str) -> Response:
    """Change a requester. Tickets keep what they were sent with."""

    def write() -> Response:
        with change() as unit:
            requester_profiles.change(
                unit.tx,
                requester_id,
                content,
                parts().now(),
                lambda row: check_version(row["version"], "requester"),
            )
            return unit.answer(*_shown(unit.tx.flushed(), requester_id))

    return _once_more(write)


@blp.route("/requesters/<requester_id>/tickets", methods=["GET"])
@requires("tickets:read", problems=(401, 403, 404, 422, 503))
@blp.arguments(HistoryQuerySchema(), location="query", unknown=RAISE)
@blp.response(200, TicketPageSchema())
def list_tickets_of_requester(query: Mapping[str, Any], requester_id: str) -> Response:
    """Read a requester's tickets, the newest first."""
    limit = query["limit"]
    with parts().database.reading() as connection:
        requester = repository.current(connection, requester_id)
        held = repository.tickets(connection, requester["id"], query["after"], limit + 1)
    items = [ticket_changes.ticket_document(*each) for each in held[:limit]]
    following = str(items[-1]["number"]) if len(held) > limit else None
    return answer({"items": items, "next": following})


@blp.route("/requesters/<requester_id>/merge", methods=["POST"])
@requires("requesters:write", problems=(400, 401, 403, 404, 409, 413, 415, 422, 503))
@body(MergeRequesterSchema())
@blp.response(200, RequesterProfileSchema())
@blp.alt_response(202, schema=RequesterProfileSchema())
def merge_requester(content: Mapping[str, Any], requester_id: str) -> Response:
    """Merge a requester into another, who gets the addresses and tickets.

    202 means that tickets are left to move: send it again. Once more does no harm.
    """
    app = parts()
    steps = merge_requesters.merge(
        app.database,
        requester_id,
        content["into"],
        app.now(),
        Asked(actor(), g.request_id),
        acting(),
    )
    return _show(content["into"], _work(steps))


@blp.route("/requesters/<requester_id>/export", methods=["GET"])
@requires("requesters:read", problems=(401, 403, 404, 503))
@blp.response(200, RequesterExportSchema())
def export_requester_data(requester_id: str) -> Response:
    """Read everything that is kept of a requester: profile, addresses, tickets, events.

    The key needs `tickets:read` besides.
    """
    app = parts()
    if g.caller.scopes.isdisjoint({"tickets:read", ALL}):
        message = "This API key lacks the scope tickets:read."
        raise Forbidden(message, scope="tickets:read")
    with app.database.reading() as connection:
        requester = repository.current(connection, requester_id)
    document = export_requester.export(app.database, requester, app.now())
    headers = {
        "Cache-Control": "no-store",
        "Content-Disposition": f'attachment; filename="{requester["id"]}.json"',
    }
    return Response(document, headers=headers, content_type="application/json")


@blp.route("/requesters/<requester_id>/erase", methods=["POST"])
@requires("requesters:erase", problems=(400, 401, 403, 404, 409, 413, 415, 422, 503))
@body(EraseRequesterSchema())
@blp.response(200, RequesterProfileSchema())
@blp.alt_response(202, schema=RequesterProfileSchema())
def erase_requester_data(_: Mapping[str, Any], requester_id: str) -> Response:
    """Erase a requester for ever: the profile, and all words in their tickets and events.

    The tickets stay with number, type, category, priority, times and team. Send `{}`. 202 means
    that tickets are left: send it again. Once more does no harm.
    """
    app = parts()
    steps = erase_requester.erase(
        app.database,
        requester_id,
        app.now(),
        Asked(actor(), g.request_id),
        app.files.discard,
        acting(),
    )
    return _show(requester_id, _work(steps))


def _work(steps: Iterator[int]) -> int:
    """Take steps until all is done or the time is over; return 200 or 202."""
    app = parts()
    deadline = monotonic() + WORK_S
    for tickets in steps:
        if tickets:
            app.ring(ListName.EVENTS)
        if monotonic() > deadline:
            return 202
    return 200


def _show(
    requester_id: str, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    with parts().database.reading() as connection:
        return answer(*_shown(connection, requester_id, status, headers))


def _shown(
    connection: Connection,
    requester_id: str,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> tuple[dict[str, Any], int, dict[str, str]]:
    row: Row = repository.current(connection, requester_id)
    place = {"Content-Location": f"/v1/requesters/{row['id']}", "ETag": etag(row["version"])}
    return _schema.dump(row), status, {**place, **(headers or {})}


def _once_more(write: Callable[[], Response]) -> Response:
    """Write again if somebody took an address in this moment: then its owner is seen."""
    try:
        return write()
    except IntegrityError:
        return write()
