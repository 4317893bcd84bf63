"""/v1/audit: who changed what of the desk itself."""

from collections.abc import Mapping
from typing import Any

from flask import Response
from marshmallow import RAISE

from services.intake.api.auth import requires
from services.intake.api.cursor import encode
from services.intake.api.http import PageQuerySchema, answer, blueprint, parts
from shared.db import audit
from shared.domain.clock import rfc3339
from shared.domain.role import Role
from shared.schemas.audit import AuditEntrySchema, AuditFilterSchema, AuditPageSchema

blp = blueprint("audit", "Administrative acts: who, what, when, from where.")

_schema = AuditEntrySchema()
_ADMINS = frozenset({Role.ADMIN})


class AuditQuerySchema(AuditFilterSchema, PageQuerySchema):
    """Which acts, and which page of them."""


@blp.route("/audit", methods=["GET"])
@requires("audit:read", problems=(401, 403, 422, 503), roles=_ADMINS)
@blp.arguments(AuditQuerySchema(), location="query", unknown=RAISE)
@blp.response(200, AuditPageSchema())
def list_audit(query: Mapping[str, Any]) -> Response:
    """Read administrative acts, the newest first. For keys of the role admin."""
    limit = query["limit"]
    with parts().database.searching() as connection:
        found = audit.listing(connection, query, query["after"] or None, limit + 1)
    last = found[limit - 1] if len(found) > limit else None
    following = encode(rfc3339(last["at"]), last["id"]) if last is not None else None
    return answer({"items": [_schema.dump(row) for row in found[:limit]], "next": following})
