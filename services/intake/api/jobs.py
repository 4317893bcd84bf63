"""/v1/jobs: bulk bodies that are handled by and by, how far they are, and what became of them."""

import zlib
from collections.abc import Iterator, Mapping
from typing import Any

from flask import Response, g, request
from marshmallow import RAISE, fields

from services.intake.api.audited import acting
from services.intake.api.auth import requires
from services.intake.api.change import change
from services.intake.api.http import PageQuerySchema, answer, blueprint, page, parts
from services.intake.api.languages import preferred
from services.intake.api.media_types import NDJSON
from services.intake.api.ndjson import described
from services.intake.api.spoken_lines import PROBLEM, language_headers, spoken_lines
from services.intake.bulk import repository
from shared.db.audit import record
from shared.domain.audit import AuditAction
from shared.domain.role import LEADS, WITH_INGEST
from shared.schemas.base import StrictSchema
from shared.schemas.bulk import JobPageSchema, JobSchema, LineResultSchema

blp = blueprint("jobs", "Bulk bodies that are handled by and by.")

_schema = JobSchema()


class ResultQuerySchema(StrictSchema):
    """Which results."""

    refused = fields.Boolean(
        load_default=False,
        truthy={"true", "1"},
        falsy={"false", "0"},
        metadata={"description": "Only the lines that made no ticket."},
    )


@blp.route("/jobs", methods=["GET"])
@requires("tickets:write", problems=(401, 403, 422, 503), roles=WITH_INGEST)
@blp.arguments(PageQuerySchema(), location="query", unknown=RAISE)
@blp.response(200, JobPageSchema())
def list_jobs(query: Mapping[str, Any]) -> Response:
    """List jobs, the newest first: those of the key, or all of them for leads and admins."""
    with parts().database.reading() as connection:
        rows = repository.jobs(connection, query["after"], query["limit"] + 1, _own())
    return page(_schema, rows, "id", query["limit"])


@blp.route("/jobs/<job_id>", methods=["GET"])
@requires("tickets:write", problems=(401, 403, 404, 503), roles=WITH_INGEST)
@blp.response(200, JobSchema())
def get_job(job_id: str) -> Response:
    """Read how far a job is."""
    return answer(job_document(job_id))


@blp.route("/jobs/<job_id>/results", methods=["GET"])
@blp.doc(
    responses={
        "200": {
            "description": "A result for each line that was handled.",
            "content": described(
                {"$ref": "#/components/schemas/LineResult"}, "Lines of JSON.", [NDJSON]
            ),
        }
    }
)
@requires("tickets:write", problems=(401, 403, 404, 422, 503), roles=WITH_INGEST)
@blp.arguments(ResultQuerySchema(), location="query", unknown=RAISE)
@blp.response(200, LineResultSchema(), content_type=NDJSON)
def get_job_results(query: Mapping[str, Any], job_id: str) -> Response:
    """Read what became of the lines that were handled so far, in their order.

    Problems are in the language that `Accept-Language` prefers, whoever sent the lines.
    """
    database = parts().database
    with database.reading() as connection:
        repository.job(connection, job_id, _own())
    lines = _unpacked(repository.results(database, job_id), refused=query["refused"])
    told = spoken_lines(lines, preferred(request))
    return Response(told, headers=language_headers(request), content_type=NDJSON)


@blp.route("/jobs/<job_id>", methods=["DELETE"])
@requires("tickets:write", problems=(401, 403, 404, 503), roles=WITH_INGEST)
@blp.response(200, JobSchema())
def cancel_job(job_id: str) -> Response:
    """Stop a job. The tickets that it made stay; a job that is over stays as it is."""
    with change() as unit:
        job = repository.job(unit.tx.connection, job_id, _own())
        if job["finished_at"] is None:
            now = parts().now()
            repository.cancel(unit.tx, job_id, now)
            record(unit.tx, acting(), AuditAction.JOB_CANCELLED, job_id, now)
            job = repository.job(unit.tx.flushed(), job_id, _own())
        return unit.answer(_schema.dump(job))


def job_document(job_id: str) -> dict[str, Any]:
    """Return a job of the caller's in wire form; raises NotFound."""
    with parts().database.reading() as connection:
        document: dict[str, Any] = _schema.dump(repository.job(connection, job_id, _own()))
    return document


def _own() -> str | None:
    """Return the key whose jobs the caller sees; None for all."""
    return None if g.caller.role in LEADS else str(g.caller.key_id)


def _unpacked(packed: Iterator[bytes], *, refused: bool) -> Iterator[bytes]:
    for each in packed:
        lines = zlib.decompress(each)
        if refused:
            kept = [line for line in lines.splitlines(keepends=True) if PROBLEM in line]
            lines = b"".join(kept)
        if lines:
            yield lines
