"""Around every request: its id, its media type, conditions on its answer, its metrics."""

import re
import uuid
from time import perf_counter

import structlog
from flask import Flask, Response, current_app, g, request

from services.intake.api import request_spans
from services.intake.api.media_types import ACCEPT_PATCH, check_content_type
from services.intake.api.preconditions import not_modified
from shared.domain.errors import FieldError, InvalidInput, NotFound
from shared.domain.trace_context import CURRENT, accepted
from shared.observability import metrics

_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")
#: Others are anybody's text and would make a series each.
_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"})
_READING = frozenset({"GET", "HEAD"})


def register(app: Flask) -> None:
    """Hook into every request of this app."""
    app.before_request(_begin)
    app.after_request(_end)
    app.teardown_request(_leave)


def _begin() -> None:
    g.started = perf_counter()
    metrics.http_threads_busy.inc()
    given = request.headers.get("X-Request-Id", "")
    g.request_id = given if _REQUEST_ID.fullmatch(given) else f"req_{uuid.uuid4().hex}"
    structlog.contextvars.bind_contextvars(correlation_id=g.request_id)
    traceparent = accepted(request.headers.get("traceparent"))
    CURRENT.set(traceparent)
    g.span = request_spans.asked(request, traceparent, _method(), g.request_id)
    g.span.begin()
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
    # Where no route takes the method, that is what is wrong, whatever the body is.
    if request.endpoint is not None:
        check_content_type(request, current_app.view_functions.get(request.endpoint))


def _end(response: Response) -> Response:
    structlog.contextvars.unbind_contextvars("correlation_id")
    response.headers["X-Request-Id"] = g.request_id
    response.headers["X-Content-Type-Options"] = "nosniff"
    if "rate_headers" in g:
        response.headers.update(g.rate_headers)
    if request.method in _READING and response.status_code == 200 and not_modified(response):
        response.status_code = 304
        response.set_data(b"")
        for name in ("Content-Type", "Content-Length"):
            response.headers.pop(name, None)
    if request.method == "OPTIONS" and "PATCH" in response.headers.get("Allow", ""):
        response.headers["Accept-Patch"] = ACCEPT_PATCH
    route = request.url_rule.rule if request.url_rule else "unknown"
    request_spans.answered(g.span, response)
    metrics.requests.labels(_method(), route, response.status_code).inc()
    metrics.request_seconds.labels(route).observe(perf_counter() - g.started)
    return response


def _leave(_: BaseException | None) -> None:
    if "started" in g:
        metrics.http_threads_busy.dec()
        g.span.end()
        CURRENT.set(None)


def _method() -> str:
    return request.method if request.method in _METHODS else "other"
