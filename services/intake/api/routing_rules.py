"""/v1/routing/rules: the ordered rule set."""

from collections.abc import Mapping
from typing import Any

from flask import Response

from services.intake import repository
from services.intake.api.auth import requires
from services.intake.api.http import answer, blueprint, body, parts
from shared.domain.errors import FieldError, InvalidInput
from shared.schemas.rules import PutRulesSchema, RuleSetSchema

blp = blueprint("routing", "How tickets find their team: ordered rules, data and not code.")

_schema = RuleSetSchema()


@blp.route("/routing/rules", methods=["GET"])
@requires("routing:read", problems=(401, 403, 503))
@blp.response(200, RuleSetSchema())
def get_rules() -> Response:
    """Read the rule set in force; version 0 is the empty one that every desk begins with."""
    with parts().database.reading() as connection:
        row = repository.newest_rules(connection)
    if row is None:
        return answer({"version": 0, "rules": [], "created_at": None})
    return answer({**_schema.dump({**row, "rules": []}), "rules": row["rules"]})


@blp.route("/routing/rules", methods=["PUT"])
@requires("routing:write", problems=(400, 401, 403, 413, 415, 422, 503))
@body(PutRulesSchema())
@blp.response(200, RuleSetSchema())
def put_rules(content: Mapping[str, Any]) -> Response:
    """Replace the rule set. The version before stays on record; decisions name theirs."""
    app = parts()
    for index, rule in enumerate(content["rules"]):
        try:
            app.reference.require(rule["then"])
        except InvalidInput as error:
            raise InvalidInput(
                error.detail,
                [FieldError(f"/rules/{index}/then{e.pointer}", e.detail) for e in error.errors],
            ) from error
    documents = PutRulesSchema().dump(content)["rules"]
    with app.database.transaction() as tx:
        repository.put_rules(tx, documents, app.now())
    return get_rules()  # type: ignore[no-any-return]
