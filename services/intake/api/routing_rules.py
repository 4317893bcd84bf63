"""/v1/routing/rules: the ordered rule set and its versions."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from flask import Response
from marshmallow import RAISE, fields, validate

from services.intake import repository
from services.intake.api.audited import tell_of_act
from services.intake.api.auth import requires
from services.intake.api.change import change
from services.intake.api.cursor import Cursor
from services.intake.api.http import (
    PageQuerySchema,
    answer,
    blueprint,
    body,
    page,
    parts,
)
from services.intake.api.preconditions import check_version, etag
from services.intake.rule_sets import (
    read_rule_set,
    replace_rule_set,
    require_names,
    rule_set_document,
)
from shared.db.engine import Row
from shared.domain.audit import digest_of
from shared.domain.work import ListName
from shared.schemas.base import StrictSchema
from shared.schemas.rules import (
    PutRulesSchema,
    RuleSetSchema,
    RuleSetVersionPageSchema,
    RuleSetVersionSchema,
)

LARGEST_VERSION = 2**31 - 1

blp = blueprint("routing", "How tickets find their team: ordered rules, data and not code.")

_version_schema = RuleSetVersionSchema()


class RuleSetQuerySchema(StrictSchema):
    """Which version of the rule set."""

    version = fields.Integer(
        load_default=None,
        validate=validate.Range(min=0, max=LARGEST_VERSION),
        metadata={"description": "Left out, it is the one in force."},
    )


class VersionsQuerySchema(PageQuerySchema):
    """Which versions of the rule set."""

    after = Cursor(
        load_default=LARGEST_VERSION,
        metadata={"type": "string", "description": "`next` of the last page; older ones follow."},
    )


def _answer(row: Row) -> Response:
    return answer(rule_set_document(row), headers={"ETag": etag(row["version"])})


@blp.route("/routing/rules", methods=["GET"])
@requires("routing:read", problems=(401, 403, 404, 422, 503))
@blp.arguments(RuleSetQuerySchema(), location="query", unknown=RAISE)
@blp.response(200, RuleSetSchema())
def get_rules(query: Mapping[str, Any]) -> Response:
    """Read the rule set in force, or a version of it.

    Version 0 is the empty one that every desk begins with.
    """
    with parts().database.reading() as connection:
        row = read_rule_set(connection, query["version"])
    return _answer(row)


@blp.route("/routing/rules/versions", methods=["GET"])
@requires("routing:read", problems=(401, 403, 422, 503))
@blp.arguments(VersionsQuerySchema(), location="query", unknown=RAISE)
@blp.response(200, RuleSetVersionPageSchema())
def list_versions(query: Mapping[str, Any]) -> Response:
    """List the versions of the rule set, the newest first."""
    with parts().database.reading() as connection:
        rows = repository.rule_versions(connection, query["after"], query["limit"] + 1)
    return page(_version_schema, rows, "version", query["limit"])


@blp.route("/routing/rules", methods=["PUT"])
@requires("routing:write", problems=(400, 401, 403, 412, 413, 415, 422, 503))
@body(PutRulesSchema())
@blp.response(200, RuleSetSchema())
def put_rules(content: Mapping[str, Any]) -> Response:
    """Replace the rule set, whole or not at all; tickets that wait are routed again.

    The version before stays on record; decisions name theirs. `If-Match` guards against
    overwriting what others did.
    """
    app = parts()
    require_names(app.reference, content)
    check = partial(check_version, noun="rule set")
    with change() as unit:
        row = replace_rule_set(unit.tx, content, app.now(), check)
        tell_of_act(str(row["version"]), sha256=digest_of({"rules": row["rules"]}))
        unit.ring(ListName.WAKING)
        return unit.answer(rule_set_document(row), headers={"ETag": etag(row["version"])})
