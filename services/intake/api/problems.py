"""Errors as RFC 9457 problem details: the one place where an error becomes a status.

Every error, ours or Flask's, leaves as `application/problem+json` with a stable `code`, the id of
the request and, for refused input, a JSON Pointer to each broken rule.
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from flask import Flask, Response, g, request
from sqlalchemy.exc import IntegrityError
from werkzeug.exceptions import HTTPException

from services.intake.api.catalogue import CATALOGUE
from shared.db.types import dump_json
from shared.domain.errors import InvalidInput, PatchbayError, RangeRefused
from shared.observability.logging import get_logger
from shared.schemas.refusal import refused_fields

#: Where an explanation of each code is; relative, so that it works on any installation.
TYPE_BASE = "/docs/problems#"

#: Codes for what Flask and its server refuse before our code sees it.
_HTTP_CODES: dict[int, str] = {
    entry.status: code
    for code, entry in CATALOGUE.items()
    if code
    not in (
        "conflict",
        "invalid-transition",
        "idempotency-key-reused",
        "too-broad",
        "not-scanned-yet",
        "infected",
        "file-type-refused",
        "file-refused",
    )
}

#: How long a client should wait before it tries again when a dependency is down, in seconds.
RETRY_AFTER_S = 2

log = get_logger()


def register(app: Flask) -> None:
    """Answer every error of this app as a problem."""
    app.register_error_handler(PatchbayError, _refused)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(IntegrityError, _integrity)
    app.register_error_handler(Exception, _crashed)


def problem(
    status: int, code: str, detail: str, extra: Mapping[str, Any] | None = None
) -> Response:
    """Return a problem as a response."""
    body: dict[str, Any] = {
        "type": TYPE_BASE + code,
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "instance": request.path,
        "code": code,
        "request_id": g.get("request_id", ""),
        **(extra or {}),
    }
    response = Response(dump_json(body), status, content_type="application/problem+json")
    if status == HTTPStatus.UNAUTHORIZED:
        response.headers["WWW-Authenticate"] = 'Bearer realm="patchbay"'
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        response.headers["Retry-After"] = str(RETRY_AFTER_S)
    return response


def _refused(error: PatchbayError) -> Response:
    extra = dict(error.extra)
    if isinstance(error, InvalidInput) and error.errors:
        extra["errors"] = [{"pointer": e.pointer, "detail": e.detail} for e in error.errors]
    response = problem(CATALOGUE[error.code].status, error.code, error.detail, extra)
    if isinstance(error, RangeRefused):
        response.headers["Content-Range"] = f"bytes */{error.extra['size']}"
    return response


def _http(error: HTTPException) -> Response:
    status = error.code or 500
    code = _HTTP_CODES.get(status, "http-error")
    messages = getattr(error, "data", {}).get("messages")
    if messages:
        # webargs reads the query; its messages lie under the name of the place.
        return _refused(refused_fields(messages))
    detail = error.description or HTTPStatus(status).description
    if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        limit = request.max_content_length
        detail = f"The body is larger than {limit} bytes. Send a link to what is too large."
    response = problem(status, code, detail)
    if status == HTTPStatus.METHOD_NOT_ALLOWED:
        response.headers["Allow"] = ", ".join(getattr(error, "valid_methods", None) or ())
    return response


def _integrity(error: IntegrityError) -> Response:
    """A unique name was taken in the very moment between look and leap, or a reference is gone."""
    log.warning("request.conflict", error=str(error.orig))
    return problem(409, "conflict", "This name is taken, or something referred to does not exist.")


def _crashed(error: Exception) -> Response:
    log.error("request.crashed", path=request.path, exc_info=error)
    return problem(500, "internal-error", "Something went wrong here; the request id finds it.")
