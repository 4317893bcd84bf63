"""/v1/sla-policies: what is promised to whom."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from flask import Response
from marshmallow import RAISE
from sqlalchemy import Connection

from services.intake import repository, sla_repository
from services.intake.api.auth import requires
from services.intake.api.change import change
from services.intake.api.http import (
    PageQuerySchema,
    answer,
    blueprint,
    body,
    page,
    parts,
)
from services.intake.api.preconditions import check_version, etag
from services.intake.api.profiles import NAMED, require_name
from shared.domain.work import ListName
from shared.schemas.sla import PutSlaPolicySchema, SlaPolicyPageSchema, SlaPolicySchema

blp = blueprint("sla-policies", "Service levels: first response, next response, resolution.")

_schema = SlaPolicySchema()


@blp.route("/sla-policies", methods=["GET"])
@requires("routing:read", problems=(401, 403, 422, 503))
@blp.arguments(PageQuerySchema(), location="query", unknown=RAISE)
@blp.response(200, SlaPolicyPageSchema())
def list_policies(query: Mapping[str, Any]) -> Response:
    """List SLA policies."""
    policies, limit = repository.SLA_POLICIES, query["limit"]
    with parts().database.reading() as connection:
        rows = repository.listing(connection, policies, query["after"], limit + 1)
    return page(_schema, [_document(row) for row in rows], "name", limit)


@blp.route("/sla-policies/<name>", methods=["GET"], parameters=NAMED)
@requires("routing:read", problems=(401, 403, 404, 503))
@blp.response(200, SlaPolicySchema())
def get_policy(name: str) -> Response:
    """Read an SLA policy."""
    with parts().database.reading() as connection:
        return answer(*_shown(connection, name))


@blp.route("/sla-policies/<name>", methods=["PUT"], parameters=NAMED)
@requires("routing:write", problems=(400, 401, 403, 412, 413, 415, 422, 503))
@body(PutSlaPolicySchema())
@blp.response(200, SlaPolicySchema())
def put_policy(content: Mapping[str, Any], name: str) -> Response:
    """Make an SLA policy or replace it whole.

    Clocks that run by it are set anew at once, and their tickets tell it; those that stand still
    are when they go on. `If-Match` guards against overwriting what others did.
    """
    require_name(name)
    check = partial(check_version, noun="SLA policy")
    with change() as unit:
        sla_repository.put_policy(unit.tx, name, dict(content), parts().now(), check)
        unit.ring(ListName.SLA)
        return unit.answer(*_shown(unit.tx.flushed(), name))


@blp.route("/sla-policies/<name>", methods=["DELETE"], parameters=NAMED)
@requires("routing:write", problems=(401, 403, 404, 409, 503))
@blp.response(204)
def delete_policy(name: str) -> Response:
    """Delete an SLA policy that no team, no rule in force and no running clock goes by."""
    with change() as unit:
        sla_repository.delete_policy(unit.tx, name)
        return unit.answer(None, 204)


def _shown(connection: Connection, name: str) -> tuple[dict[str, Any], int, dict[str, str]]:
    row = repository.one(connection, repository.SLA_POLICIES, name, "SLA policy")
    return _schema.dump(_document(row)), 200, {"ETag": etag(row["version"])}


def _document(row: Mapping[str, Any]) -> dict[str, Any]:
    return {**row["document"], **row}
