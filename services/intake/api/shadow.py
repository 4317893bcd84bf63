"""/v1/routing/shadow: how shadow and trial profiles compare with the live ones."""

from collections.abc import Mapping
from typing import Any

from flask import Response
from marshmallow import RAISE

from services.intake.api.auth import requires
from services.intake.api.http import answer, blueprint, parts
from shared.db.routing_report import routing_report
from shared.schemas.shadow import ShadowQuerySchema, ShadowReportSchema

blp = blueprint("shadow", "Profiles compared: beside the live ones, and on a share of tickets.")

_schema = ShadowReportSchema()


@blp.route("/routing/shadow", methods=["GET"])
@requires("routing:read", problems=(401, 403, 404, 422, 503))
@blp.arguments(ShadowQuerySchema(), location="query", unknown=RAISE)
@blp.response(200, ShadowReportSchema())
def shadow_report(query: Mapping[str, Any]) -> Response:
    """Compare shadow profiles by their decisions, and trial profiles by what became of tickets."""
    app = parts()
    with app.database.reading() as connection:
        report = routing_report(connection, app.now(), query["since"], query["team"])
    return answer(_schema.dump(report))
