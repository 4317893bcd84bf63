"""A small HTTP port for processes that serve no API: /healthz, /readyz and /metrics.

The standard library's server is enough here, and keeps Flask out of the workers.
"""

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from shared.domain.errors import Unavailable
from shared.observability import metrics

#: Returns the parts that are not ready, by name; an empty mapping means ready.
Readiness = Callable[[], dict[str, str]]


class HealthServer:
    """Serves health and metrics on its own thread until `close`."""

    def __init__(self, host: str, port: int, readiness: Readiness) -> None:
        try:
            self._server = ThreadingHTTPServer((host, port), _handler(readiness))
        except OSError as error:
            message = f"Cannot listen on {host}:{port}: {error.strerror}. Set --health-port."
            raise Unavailable(message) from error
        self._server.daemon_threads = True
        self._thread = threading.Thread(
            target=self._server.serve_forever, name="health", daemon=True
        )

    @property
    def port(self) -> int:
        """The port in use; useful when 0 was asked for."""
        return int(self._server.server_address[1])

    def start(self) -> None:
        """Begin to serve."""
        self._thread.start()

    def close(self) -> None:
        """Stop serving and give the port back."""
        self._server.shutdown()
        self._server.server_close()


def _handler(readiness: Readiness) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/metrics":
                body, content_type = metrics.render()
                self._answer(200, body, content_type)
            elif self.path == "/healthz":
                self._answer(200, b'{"status":"ok"}', "application/json")
            elif self.path == "/readyz":
                problems = readiness()
                status = {"status": "unready" if problems else "ok", **problems}
                body = json.dumps(status).encode()
                self._answer(503 if problems else 200, body, "application/json")
            else:
                self._answer(404, b'{"status":"not found"}', "application/json")

        def _answer(self, status: int, body: bytes, content_type: str) -> None:
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Stay silent: probes come every few seconds."""

    return Handler
