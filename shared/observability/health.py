"""A small HTTP port for processes that serve no API: /healthz, /readyz and /metrics.

The standard library's server is enough here, and keeps Flask out of the workers. Left to itself it
waits for its clients without end, with a thread for each.
"""

import json
import socket
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from time import monotonic
from typing import Any

from shared.domain.errors import Unavailable
from shared.observability import metrics

#: Returns the parts that are not ready, by name; an empty mapping means ready.
Readiness = Callable[[], dict[str, str]]

#: Connections, and so threads, at once: some probes and scrapers are there for milliseconds each.
CONNECTIONS = 16
#: How long a client has from its connection to the end of its answer.
PATIENCE_S = 10.0
#: How long a new client waits until one that made way for it is gone.
MAKE_WAY_S = 0.2


class HealthServer:
    """Serves health and metrics on its own thread until `close`.

    `patience_s` is what a client has for all it does; who takes longer is cut off.
    """

    def __init__(
        self, host: str, port: int, readiness: Readiness, patience_s: float = PATIENCE_S
    ) -> None:
        try:
            self._server = _Server((host, port), _handler(readiness), patience_s)
        except OSError as error:
            message = f"Cannot listen on {host}:{port}: {error.strerror}. Set --health-port."
            raise Unavailable(message) from error
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


class _Server(ThreadingHTTPServer):
    """Answers a bounded number of connections at once, and none of them for long.

    When all places are taken, who has been there longest makes way: silent connections must not
    keep a probe out, which would end the process.
    """

    daemon_threads = True
    request_queue_size = CONNECTIONS

    def __init__(
        self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler], patience_s: float
    ) -> None:
        super().__init__(address, handler)
        self._patience_s = patience_s
        self._places = threading.Semaphore(CONNECTIONS)
        self._lock = threading.Lock()
        #: When each connection came, the oldest first.
        self._since: dict[socket.socket, float] = {}

    def process_request(self, request: Any, client_address: Any) -> None:
        if not self._places.acquire(blocking=False):
            self._cut_off(CONNECTIONS - 1)
            if not self._places.acquire(timeout=MAKE_WAY_S):
                self.shutdown_request(request)
                return
        with self._lock:
            self._since[request] = monotonic()
        try:
            super().process_request(request, client_address)
        except RuntimeError:  # There is no further thread to be had.
            self._leave(request)
            raise

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._leave(request)

    def service_actions(self) -> None:
        """Cut off who has been here too long; called twice a second, and after each connection."""
        self._cut_off(CONNECTIONS, monotonic() - self._patience_s)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of clients that are gone, or were cut off."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)

    def _cut_off(self, most: int, before: float = 0.0) -> None:
        """Cut off the oldest connections beyond `most`, and those that came `before` a moment."""
        with self._lock:
            beyond = len(self._since) - most
            for place, (request, since) in enumerate(self._since.items()):
                if place < beyond or since < before:
                    # Its thread waits for it, reads the end, and closes it.
                    with suppress(OSError):
                        request.shutdown(socket.SHUT_RDWR)

    def _leave(self, request: socket.socket) -> None:
        with self._lock:
            self._since.pop(request, None)
        self._places.release()


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
