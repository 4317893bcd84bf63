"""The span of a request, by OpenTelemetry's conventions for HTTP servers.

https://opentelemetry.io/docs/specs/semconv/http/http-spans/#http-server-span. Left out are the
query, headers and addresses of clients, for they may hold what nobody should collect.
"""

from flask import Request, Response

from shared.observability import tracing
from shared.observability.redaction import redact_text

#: Asked every few seconds by whoever watches the process; what they would tell are metrics.
_PROBES = frozenset({"/healthz", "/readyz", "/metrics"})


def asked(request: Request, traceparent: str | None, method: str, request_id: str) -> tracing.Span:
    """Return the span of a request that has just come; none unless spans are made.

    `traceparent` is the client's, `method` one that is known, or "other".
    """
    if not tracing.on() or request.path in _PROBES:
        return tracing.NOTHING
    known = method if method != "other" else "HTTP"
    route = request.url_rule.rule if request.url_rule else None
    attributes: dict[str, str | float] = {
        "http.request.method": method if method != "other" else "_OTHER",
        # Links in mails are keys: who has one acts for the requester.
        "url.path": redact_text(request.path),
        "url.scheme": request.scheme,
        "patchbay.correlation_id": request_id,
    }
    if route is not None:
        attributes["http.route"] = route
    return tracing.span(
        f"{known} {route}" if route else known,
        tracing.Kind.SERVER,
        traceparent,
        attributes=attributes,
    )


def answered(span: tracing.Span, response: Response) -> None:
    """Note what became of it; only what is the server's fault is a failure."""
    span.set("http.response.status_code", response.status_code)
    if response.status_code >= 500:
        span.fail(str(response.status_code))
