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

from services.intake.api.catalogue import CATALOGUE, Words
from services.intake.api.languages import Language, preferred
from services.intake.api.replays import Replay
from services.intake.api.translations import translate
from shared.db.types import dump_json
from shared.domain.errors import (
    FieldError,
    Forbidden,
    IdempotencyInFlight,
    InvalidInput,
    PatchbayError,
    QuotaExceeded,
    RangeRefused,
)
from shared.observability.logging import get_logger
from shared.schemas.refusal import refused_fields

#: Where an explanation of each code is; relative, so that it works on any installation.
TYPE_BASE = "/docs/problems#"
#: Where the registered ones are (draft-ietf-httpapi-ratelimit-headers-10 §8).
IANA_BASE = "https://iana.org/assignments/http-problem-types#"

#: Codes for what Flask and its server refuse before our code sees it: the first of each status.
_HTTP_CODES = {entry.status: code for code, entry in reversed(CATALOGUE.items())}

#: How long a client should wait before it tries again when a dependency is down, in seconds.
RETRY_AFTER_S = 2
#: The same for a request whose twin is on its way.
TWIN_RETRY_AFTER_S = 1

_OTHER = Words("The request was refused", "Запрос отклонён")

log = get_logger()


def register(app: Flask) -> None:
    """Answer every error of this app as a problem, and a replay by its answer."""
    app.register_error_handler(PatchbayError, _refused)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(IntegrityError, _integrity)
    app.register_error_handler(Replay, lambda replay: replay.response)
    app.register_error_handler(Exception, _crashed)


def problem(
    status: int,
    code: str,
    detail: str | Words,
    extra: Mapping[str, Any] | None = None,
    errors: tuple[FieldError, ...] = (),
) -> Response:
    """Return a problem as a response, in the language of the request as far as that is known."""
    language = preferred(request)
    entry = CATALOGUE.get(code)
    said = [e.detail for e in errors] + ([detail] if isinstance(detail, str) else [])
    texts = {text: translate(text, language) for text in said}
    detail = detail.of(language) if isinstance(detail, Words) else detail
    body: dict[str, Any] = {
        "type": (IANA_BASE if entry and entry.iana else TYPE_BASE) + code,
        "title": (entry.title if entry else _OTHER).of(language),
        "status": status,
        "detail": texts.get(detail) or detail,
        "instance": request.path,
        "code": code,
        "request_id": g.get("request_id", ""),
        **(extra or {}),
    }
    if errors:
        body["errors"] = [
            {"pointer": e.pointer, "detail": texts[e.detail] or e.detail} for e in errors
        ]
    response = Response(dump_json(body), status, content_type="application/problem+json")
    spoken = [language.value, *([Language.ENGLISH.value] if None in texts.values() else [])]
    response.headers["Content-Language"] = ", ".join(spoken)
    response.headers["Vary"] = "Accept-Language"
    if status == HTTPStatus.UNAUTHORIZED:
        response.headers["WWW-Authenticate"] = 'Bearer realm="patchbay"'
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        response.headers["Retry-After"] = str(RETRY_AFTER_S)
    return response


def _refused(error: PatchbayError) -> Response:
    errors = error.errors if isinstance(error, InvalidInput | Forbidden) else ()
    status = CATALOGUE[error.code].status
    response = problem(status, error.code, error.detail, error.extra, errors)
    if isinstance(error, QuotaExceeded):
        response.headers["Retry-After"] = str(error.retry_after_s)
    if isinstance(error, IdempotencyInFlight):
        response.headers["Retry-After"] = str(TWIN_RETRY_AFTER_S)
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
    detail: str | Words = error.description or HTTPStatus(status).description
    if code in CATALOGUE and error.description == type(error).description:
        detail = CATALOGUE[code].explanation
    if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        limit = request.max_content_length
        detail = f"The body is larger than {limit} bytes. Send a link to what is too large."
    response = problem(status, code, detail)
    if status == HTTPStatus.METHOD_NOT_ALLOWED:
        response.headers["Allow"] = ", ".join(getattr(error, "valid_methods", None) or ())
    response.headers.update(getattr(error, "headers", {}))
    return response


def _integrity(error: IntegrityError) -> Response:
    """A unique name was taken in the very moment between look and leap, or a reference is gone."""
    log.warning("request.conflict", error=str(error.orig))
    return problem(409, "conflict", "This name is taken, or something referred to does not exist.")


def _crashed(error: Exception) -> Response:
    log.error("request.crashed", path=request.path, exc_info=error)
    return problem(500, "internal-error", "Something went wrong here; the request id finds it.")
