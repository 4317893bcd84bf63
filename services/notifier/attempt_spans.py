"""Attempts to deliver as spans: each the child of what happened, none of the attempt before it.

By OpenTelemetry's conventions for HTTP clients, where a request that is sent again is a span of its
own with `http.request.resend_count`.
https://opentelemetry.io/docs/specs/semconv/http/http-spans/#http-client-span. For mail there are
none; `server.address` and the like would say no more than the settings do.
"""

from urllib.parse import urlsplit

from services.notifier.channels.base import (
    Outcome,
    PermanentFailure,
    TemporaryFailure,
    Unknown,
)
from services.notifier.job import Job
from shared.observability import tracing
from shared.observability.redaction import REDACTED


def webhook_attempt(job: Job, url: str) -> tracing.Span:
    """Return the span of one POST; none unless spans are made and the event has a trace."""
    if not tracing.on():
        return tracing.NOTHING
    parts = urlsplit(url)
    attributes: dict[str, str | float] = {
        "http.request.method": "POST",
        "server.address": parts.hostname or "",
        "server.port": parts.port or (443 if parts.scheme == "https" else 80),
        "url.full": shown_url(url),
    }
    if job.attempt > 1:
        attributes["http.request.resend_count"] = job.attempt - 1
    return _attempt("POST", job, attributes)


def shown_url(url: str) -> str:
    """Return a receiver's URL without what is a secret: user, password, path and query."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}/{REDACTED}"


def mail_attempt(job: Job) -> tracing.Span:
    """Return the span of handing over one mail; none unless spans are made, as above."""
    return _attempt("send mail", job, {}) if tracing.on() else tracing.NOTHING


def ended(span: tracing.Span, outcome: Outcome, status: str) -> None:
    """Note what became of an attempt; `status` is the name of the attribute for its code."""
    if span is tracing.NOTHING:
        return
    span.set("patchbay.outcome", type(outcome).__name__)
    if outcome.status is not None:
        span.set(status, outcome.status)
    if isinstance(outcome, TemporaryFailure | PermanentFailure | Unknown):
        span.fail(type(outcome).__name__ if outcome.status is None else str(outcome.status))


def _attempt(name: str, job: Job, attributes: dict[str, str | float]) -> tracing.Span:
    told = {
        **attributes,
        "patchbay.delivery.id": job.delivery["id"],
        "patchbay.event.id": job.delivery["event_id"],
        "patchbay.attempt": job.attempt,
    }
    place = job.delivery["traceparent"]
    return tracing.below(place, name, tracing.Kind.CLIENT, attributes=told)
