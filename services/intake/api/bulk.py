"""/v1/tickets/bulk: many tickets in one request, a line each."""

from collections.abc import Mapping
from itertools import chain
from typing import Any

from flask import Response, g, request
from marshmallow import RAISE

from services.intake.api.auth import requires
from services.intake.api.http import actor, answer, blueprint, parts
from services.intake.api.jobs import job_document
from services.intake.api.languages import preferred
from services.intake.api.media_types import NDJSON, NDJSON_TYPES
from services.intake.api.ndjson import body_pieces, described, ndjson_body
from services.intake.api.replays import idempotency_key
from services.intake.api.spoken_lines import language_headers, spoken_result
from services.intake.bulk.answering import take_few
from services.intake.bulk.chunks import Chunk, chunks
from services.intake.bulk.receiving import BulkBody
from services.intake.bulk.store import Order
from shared.db.types import dump_json
from shared.domain.api_key import ALL
from shared.domain.bulk import BulkMode
from shared.domain.errors import Forbidden
from shared.domain.rate import RateClass
from shared.domain.role import WITH_INGEST
from shared.domain.work import ListName
from shared.schemas.bulk import BulkQuerySchema, JobSchema, LineResultSchema

blp = blueprint("bulk", "Many tickets in one request, as lines of JSON.")

IMPORT_SCOPE = "tickets:import"

_RESPONSE = {"$ref": "#/components/schemas/LineResult"}
_LINES = {
    "oneOf": [
        {"$ref": "#/components/schemas/BulkTicket"},
        {"$ref": "#/components/schemas/ImportTicket"},
    ]
}


@blp.route("/tickets/bulk", methods=["POST"])
@blp.doc(
    requestBody={
        "required": True,
        "description": "One ticket a line: `BulkTicket`, or `ImportTicket` in import mode.",
        "content": described(_LINES, "Lines of JSON, each a ticket."),
    },
    responses={
        "202": {"description": "The body is stored and will be handled by a job."},
        "207": {
            "description": "A result for each line that is not blank.",
            "content": described(_RESPONSE, "Lines of JSON."),
        },
    },
)
@requires(
    "tickets:write",
    problems=(400, 401, 403, 408, 409, 411, 413, 415, 422, 503),
    rate_class=RateClass.BULK,
    roles=WITH_INGEST,
)
@ndjson_body
@blp.arguments(BulkQuerySchema(), location="query", unknown=RAISE)
@blp.response(207, LineResultSchema(), content_type=NDJSON)
@blp.alt_response(202, schema=JobSchema())
def create_tickets(query: Mapping[str, Any]) -> Response:
    """Make many tickets, each line by itself.

    A small body is answered at once with a result for each line. A larger one, one with an
    `Idempotency-Key` and one with `Prefer: respond-async` becomes a job once all of it is stored.
    A line with an `idempotency_key` or an `external_id` makes one ticket however often it comes.
    """
    if query["mode"] is BulkMode.IMPORT and not g.caller.scopes & {IMPORT_SCOPE, ALL}:
        message = f"This API key lacks the scope {IMPORT_SCOPE}."
        raise Forbidden(message, scope=IMPORT_SCOPE)
    bulk = parts().bulk
    order = Order(g.caller.key_id, actor(), g.request_id, query["mode"], query["dry_run"])
    body = BulkBody(order, query["lane"], idempotency_key(), query["from_line"])
    with bulk.place():
        coming = chunks(body_pieces(bulk.limits.max_bytes), body.from_line, bulk.limits)
        first: list[Chunk] = []
        whole = False
        if body.key is None and not _asynchronous():
            first, whole = take_few(coming, bulk.limits.answered_lines)
        if whole:
            results = bulk.answering.answer(body, first)
        else:
            job = bulk.receiving.receive(body, chain(first, coming))
    if not whole:
        parts().ring(ListName.BULK)
        return _accepted(job.job_id, replayed=job.replayed)
    if not order.dry_run:
        parts().ring(ListName.ROUTING)
    language = preferred(request)
    lines = "".join(dump_json(spoken_result(each, language)) + "\n" for each in results)
    headers = language_headers(request)
    return Response(lines, 207, headers=headers, content_type=_media_type())


def _accepted(job_id: str, *, replayed: bool) -> Response:
    headers = {"Location": f"/v1/jobs/{job_id}", "Retry-After": "1"}
    if replayed:
        headers["Idempotency-Replayed"] = "true"
    if _asynchronous():
        headers["Preference-Applied"] = "respond-async"
    return answer(job_document(job_id), 202, headers)


def _asynchronous() -> bool:
    """Tell whether the caller prefers not to wait (RFC 7240 §4.1)."""
    preferences = request.headers.get("Prefer", "").lower().split(",")
    return "respond-async" in [each.strip() for each in preferences]


def _media_type() -> str:
    return request.mimetype if request.mimetype in NDJSON_TYPES else NDJSON
