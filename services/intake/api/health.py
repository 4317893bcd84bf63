"""/healthz, /readyz and /metrics: for probes, not for people; no key needed."""

from flask import Blueprint, Response
from sqlalchemy import text

from services.intake.api.http import answer, parts
from shared.domain.errors import Unavailable
from shared.observability import metrics

blp = Blueprint("health", __name__)


@blp.route("/healthz")
def healthz() -> Response:
    """Say that the process runs."""
    return answer({"status": "ok"})


@blp.route("/readyz")
def readyz() -> Response:
    """Say whether tickets can be accepted. That needs the database, and never the broker."""
    try:
        with parts().database.reading() as connection:
            connection.execute(text("SELECT 1"))
    except Unavailable as error:
        return answer({"status": "unready", "database": error.detail}, 503)
    return answer({"status": "ok"})


@blp.route("/metrics")
def prometheus() -> Response:
    """Expose metrics in Prometheus' text format."""
    body, content_type = metrics.render()
    return Response(body, content_type=content_type)
