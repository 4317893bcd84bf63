"""Around every request: its id, its size and media type, its metrics."""

import re
import uuid
from time import perf_counter

import structlog
from flask import Flask, Response, current_app, g, request
from werkzeug.exceptions import UnsupportedMediaType

from shared.domain.errors import FieldError, InvalidInput, NotFound
from shared.observability import metrics

_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")
#: Others are anybody's text and would make a series each.
_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"})
_WITH_BODY = frozenset({"POST", "PUT", "PATCH"})


def register(app: Flask) -> None:
    """Hook into every request of this app."""
    app.before_request(_begin)
    app.after_request(_end)


def _begin() -> None:
    g.started = perf_counter()
    given = request.headers.get("X-Request-Id", "")
    g.request_id = given if _REQUEST_ID.fullmatch(given) else f"req_{uuid.uuid4().hex}"
    structlog.contextvars.bind_contextvars(correlation_id=g.request_id)
    # No id and no cursor has a NUL character, and PostgreSQL cannot even be asked.
    if "\x00" in request.path:
        message = "There is no such thing: the path holds a NUL character."
        raise NotFound(message)
    for name, value in request.args.items():
        if "\x00" in value:
            detail = "The NUL character is not allowed."
            raise InvalidInput(
                "One field is not acceptable.", [FieldError(f"/query/{name}", detail)]
            )
    if request.method in _WITH_BODY:
        view = current_app.view_functions.get(request.endpoint or "")
        wanted = getattr(view, "media_type", "application/json")
        if wanted is None or request.mimetype in getattr(view, "media_types", ()):
            # The view takes anything here, or says itself what it does not take.
            return
        if request.mimetype != wanted:
            name = "JSON" if wanted == "application/json" else "an iCalendar file"
            message = f"Send {name}: Content-Type: {wanted}."
            raise UnsupportedMediaType(message)


def _end(response: Response) -> Response:
    structlog.contextvars.unbind_contextvars("correlation_id")
    response.headers["X-Request-Id"] = g.request_id
    response.headers["X-Content-Type-Options"] = "nosniff"
    route = request.url_rule.rule if request.url_rule else "unknown"
    method = request.method if request.method in _METHODS else "other"
    metrics.requests.labels(method, route, response.status_code).inc()
    metrics.request_seconds.labels(route).observe(perf_counter() - g.started)
    return response
