"""Spans by OpenTelemetry's SDK, sent in batches over OTLP/HTTP; the only door to its packages.

Where they go, whose they are and which are kept is set by OpenTelemetry's own variables, which the
SDK reads: OTEL_EXPORTER_OTLP_*, OTEL_SERVICE_NAME, OTEL_RESOURCE_ATTRIBUTES, OTEL_TRACES_SAMPLER,
OTEL_BSP_*. A span that ends goes into a queue in memory, from which one thread sends; when nobody
takes them the oldest are dropped, and whoever does the work never waits.

A span holds ids, names and numbers: no text of an error, no header, no path of a receiver.
"""

import logging
import os
import threading
from collections import deque
from collections.abc import Iterable, Sequence
from importlib.metadata import version
from types import TracebackType
from typing import Self
from uuid import uuid4

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.environment_variables import OTEL_BSP_MAX_QUEUE_SIZE
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import (
    BatchSpanProcessor,
    SpanExporter,
    SpanExportResult,
)
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    StatusCode,
    TraceFlags,
    set_span_in_context,
)
from opentelemetry.trace import Span as OtelSpan

from shared.domain.trace_context import CURRENT
from shared.observability import metrics
from shared.observability.logging import get_logger
from shared.observability.tracing import Attributes, Kind, Span

_KINDS = {kind: SpanKind[kind.name] for kind in Kind}

#: How many spans wait at the most, unless OTEL_BSP_MAX_QUEUE_SIZE says so; as the SDK has it.
_MAX_QUEUE_SIZE = 2048

#: What every logger of the library begins with.
_LIBRARY = "opentelemetry"

log = get_logger()


class Recorder:
    """Makes spans and sends them, from the moment when it is built. One for a process.

    Raises ValueError if the library finds something wrong with its variables: by itself it would
    only say so, and go on as if they were not set.
    """

    def __init__(self, service: str) -> None:
        self._said = _Said()
        self._said.listen()
        ours = {
            "service.name": service if service == "patchbay" else f"patchbay-{service}",
            "service.version": version("patchbay"),
            "service.instance.id": str(uuid4()),
        }
        # What the environment says of the service goes before what we say.
        resource = Resource.create(ours).merge(OTELResourceDetector().detect())
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._exporter = _Counted(OTLPSpanExporter(), self._said)
        self._provider.add_span_processor(_Queue(self._exporter))
        self._tracer = self._provider.get_tracer("patchbay", version("patchbay"))
        if self._said.lines:
            self._provider.shutdown()
            raise ValueError(" ".join(self._said.lines))

    def start(
        self,
        name: str,
        kind: Kind,
        parent: str | None,
        links: Iterable[str | None],
        attributes: Attributes | None,
        started_ns: int | None,
    ) -> Span:
        """Return a span that has begun now, or at `started_ns`."""
        context = Context()
        if parent is not None:
            context = set_span_in_context(NonRecordingSpan(_place(parent)), context)
        linked = [Link(_place(each)) for each in links if each is not None]
        span = self._tracer.start_span(name, context, _KINDS[kind], attributes, linked, started_ns)
        return _Recorded(span, parent)

    def close(self, timeout_s: float) -> None:
        """Send what is left; what a collector does not take in this time is lost."""
        # The SDK's own bound is that of a retrying export, longer than a process has for its end.
        last = threading.Thread(target=self._provider.shutdown, name="last-spans", daemon=True)
        last.start()
        last.join(timeout_s)
        self._exporter.give_up()


class _Recorded:
    """A span of the SDK, or one that is not sampled: it has a place as well."""

    __slots__ = ("_before", "_begun", "_span", "traceparent")

    def __init__(self, span: OtelSpan, parent: str | None) -> None:
        self._span = span
        self._begun = False
        self._before: str | None = None
        place = span.get_span_context()
        told = f"00-{place.trace_id:032x}-{place.span_id:016x}-{place.trace_flags:02x}"
        # With OTEL_SDK_DISABLED the SDK hands out the parent's place, or one that is none.
        self.traceparent: str | None = told if place.is_valid and told != parent else None

    def set(self, name: str, value: str | float) -> None:
        self._span.set_attribute(name, value)

    def link(self, traceparents: Iterable[str | None]) -> None:
        for each in traceparents:
            if each is not None:
                self._span.add_link(_place(each))

    def fail(self, kind: str) -> None:
        self._span.set_attribute("error.type", kind)
        self._span.set_status(StatusCode.ERROR)

    def begin(self) -> None:
        self._begun, self._before = True, CURRENT.get()
        CURRENT.set(self.traceparent or self._before)

    def end(self) -> None:
        if self._begun:
            self._begun = False
            CURRENT.set(self._before)
        self._span.end()

    def __enter__(self) -> Self:
        self.begin()
        return self

    def __exit__(self, _: object, error: BaseException | None, __: TracebackType | None) -> None:
        if error is not None:
            self.fail(type(error).__name__)
        self.end()


class _Said(logging.Handler):
    """Keeps what the library said last, in place of lines that would come with each batch."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._lines: deque[tuple[int, str]] = deque(maxlen=5)

    def listen(self) -> None:
        """Be told from now on, and be the only one who is."""
        logger = logging.getLogger(_LIBRARY)
        logger.handlers[:] = [self]
        logger.propagate = False

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a line."""
        self._lines.append((threading.get_ident(), record.getMessage()))

    @property
    def lines(self) -> list[str]:
        """What was said by this thread: another recorder may still be sending its last spans."""
        return [line for thread, line in self._lines if thread == threading.get_ident()]

    def forget(self) -> None:
        """Forget what was said."""
        self._lines.clear()


class _Counted(SpanExporter):
    """Counts what another exporter sends, and says once that it does not get through.

    And what does not even come here: the SDK drops the oldest of a full queue, and tells nobody how
    many. So what waits is counted here as well.
    """

    def __init__(self, exporter: SpanExporter, said: _Said) -> None:
        self._exporter = exporter
        self._said = said
        self._failing = False
        self._over = False
        self._lock = threading.Lock()
        self._room = _queue_size()
        self._waiting = 0
        self._dropping = False

    def ended(self) -> None:
        """Count a span that goes into the queue, from any thread."""
        with self._lock:
            full = self._waiting >= self._room
            self._waiting += not full
            first = full and not self._dropping
            self._dropping = self._dropping or full
        if full:
            metrics.spans.labels("dropped").inc()
        if first:
            log.warning("spans.dropped", queue=self._room)

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send a batch."""
        with self._lock:
            self._waiting = max(0, self._waiting - len(spans))
        self._said.forget()
        result = self._exporter.export(spans)
        failed = result is not SpanExportResult.SUCCESS
        metrics.spans.labels("failed" if failed else "exported").inc(len(spans))
        if failed and not self._failing and not self._over:
            log.warning("spans.not_exported", spans=len(spans), reason=" ".join(self._said.lines))
        elif self._failing and not failed:
            log.info("spans.exported_again")
        self._failing = failed
        if not failed:
            self._dropping = False
        return result

    def give_up(self) -> None:
        """Say nothing of what is tried from now on: its process has come to its end."""
        self._over = True
        self._exporter.shutdown()

    def shutdown(self) -> None:
        """Give up what is being tried."""
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Nothing is kept here."""
        return True


class _Queue(BatchSpanProcessor):
    """The SDK's queue, whose exporter is told of what goes into it."""

    def __init__(self, exporter: _Counted) -> None:
        super().__init__(exporter)
        self._counted = exporter

    def on_end(self, span: ReadableSpan) -> None:
        """Put a span into the queue, if it is sampled."""
        if span.context is not None and span.context.trace_flags.sampled:
            self._counted.ended()
        super().on_end(span)


def _queue_size() -> int:
    try:
        given = os.environ.get(OTEL_BSP_MAX_QUEUE_SIZE, _MAX_QUEUE_SIZE)  # noqa: TID251 -- the SDK's own
        return int(given)
    except ValueError:
        # The SDK says so itself, and nothing is started.
        return _MAX_QUEUE_SIZE


def _place(traceparent: str) -> SpanContext:
    _, trace, span, flags = traceparent.split("-")
    return SpanContext(
        int(trace, 16), int(span, 16), is_remote=True, trace_flags=TraceFlags(int(flags, 16))
    )
