"""/v1/priorities: when to use which, what each promises, and how it is derived."""

from collections.abc import Mapping
from typing import Any

from flask import Response
from sqlalchemy import Connection

from services.intake import sla_repository
from services.intake.api.auth import requires
from services.intake.api.change import change
from services.intake.api.http import answer, blueprint, body, parts
from shared.domain.priority_guide import GUIDE
from shared.domain.role import EVERYBODY
from shared.domain.ticket import Priority
from shared.schemas.priority import PrioritiesSchema, PutMatrixSchema

blp = blueprint("priorities", "When to use which priority, and what it promises.")

_put_schema = PutMatrixSchema()


@blp.route("/priorities", methods=["GET"])
@requires(None, problems=(401, 403, 503), roles=EVERYBODY)
@blp.response(200, PrioritiesSchema())
def get_priorities() -> Response:
    """Read the priorities, the most urgent first, with advice in English and Russian.

    Any key may: whoever shows a form needs them.
    """
    with parts().database.reading() as connection:
        return answer(_document(connection))


@blp.route("/priorities/matrix", methods=["PUT"])
@requires("routing:write", problems=(400, 401, 403, 413, 415, 422, 503))
@body(PutMatrixSchema())
@blp.response(200, PrioritiesSchema())
def put_matrix(content: Mapping[str, Any]) -> Response:
    """Say how priorities follow from impact, urgency and severity, from the next ticket on."""
    with change() as unit:
        sla_repository.put_priorities(unit.tx, _put_schema.dump(content))
        return unit.answer(_document(unit.tx.flushed()))


def _document(connection: Connection) -> dict[str, Any]:
    derived, policy = sla_repository.priorities(connection)
    levels = [
        {
            "key": priority.value,
            "rank": priority.rank,
            "label": GUIDE[priority].label,
            "when_to_use": GUIDE[priority].when_to_use,
            "targets": policy["targets"][priority.value],
        }
        for priority in Priority
    ]
    return {"levels": levels, **derived}
