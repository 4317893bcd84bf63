"""A collector of spans on loopback: OTLP over HTTP, as the exporters of OpenTelemetry speak it."""

import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from tests.waiting import eventually


@dataclass(frozen=True, slots=True)
class Kept:
    """A span, with ids as they stand in a traceparent; `parent` is empty for the first of a trace.

    `links` are the ids of spans.
    """

    name: str
    kind: str
    trace: str
    id: str
    parent: str
    links: tuple[str, ...]
    attributes: dict[str, Any]
    failed: bool
    took_ns: int
    service: str


class Collector:
    """Listens from the start, and takes all there is."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: list[Kept] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()

    @property
    def variables(self) -> dict[str, str]:
        """The environment that sends spans here, soon after they ended."""
        return {
            "PATCHBAY_TRACING": "otlp",
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{self._server.server_address[1]}",
            "OTEL_BSP_SCHEDULE_DELAY": "50",
        }

    @property
    def kept(self) -> list[Kept]:
        with self._lock:
            return list(self._kept)

    def of(self, trace: str) -> list[Kept]:
        """The spans of a trace."""
        return [each for each in self.kept if each.trace == trace]

    def named(self, name: str, **attributes: Any) -> list[Kept]:
        """The spans of this name and with these attributes, whose dots are written as `_`."""
        return [
            each
            for each in self.kept
            if each.name == name
            and attributes.items()
            <= {k.replace(".", "_"): v for k, v in each.attributes.items()}.items()
        ]

    def wait_for(self, name: str, count: int = 1, **attributes: Any) -> list[Kept]:
        """Wait until there are so many spans of this name; return them."""
        eventually(lambda: len(self.named(name, **attributes)) >= count)
        return self.named(name, **attributes)

    def take(self, body: bytes) -> None:
        asked = ExportTraceServiceRequest.FromString(body)
        kept = [
            _kept(span, _values(resource.resource.attributes)["service.name"])
            for resource in asked.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]
        with self._lock:
            self._kept += kept

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def _kept(span: Span, service: str) -> Kept:
    return Kept(
        name=span.name,
        kind=Span.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_"),
        trace=span.trace_id.hex(),
        id=span.span_id.hex(),
        parent=span.parent_span_id.hex(),
        links=tuple(link.span_id.hex() for link in span.links),
        attributes=_values(span.attributes),
        failed=span.status.code == Status.STATUS_CODE_ERROR,
        took_ns=span.end_time_unix_nano - span.start_time_unix_nano,
        service=service,
    )


def _values(attributes: Any) -> dict[str, Any]:
    return {each.key: getattr(each.value, each.value.WhichOneof("value")) for each in attributes}


def _handler(collector: Collector) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 10

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            known = self.path == "/v1/traces"
            if known:
                collector.take(body)
            self.send_response(200 if known else 404)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Stay silent."""

    return Handler
