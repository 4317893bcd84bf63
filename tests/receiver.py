"""A webhook receiver on loopback that answers as it is told and remembers what it got."""

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.waiting import eventually


@dataclass(frozen=True, slots=True)
class Received:
    """One POST and the status it was answered with."""

    headers: Mapping[str, str]
    body: bytes
    status: int

    @property
    def event(self) -> dict[str, Any]:
        return dict(json.loads(self.body))


#: Says how to answer: a status, given the decoded event and how often its id came before.
Manner = Callable[[dict[str, Any], int], int]


class Receiver:
    """Listens from the start; `manner` decides each answer and may be replaced."""

    def __init__(self) -> None:
        self.manner: Manner = lambda event, earlier: 204
        self.headers: dict[str, str] = {}
        self._lock = threading.Lock()
        self._received: list[Received] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/hook"

    @property
    def received(self) -> list[Received]:
        with self._lock:
            return list(self._received)

    @property
    def accepted(self) -> list[Received]:
        """What was answered with 2xx, in order."""
        return [each for each in self.received if 200 <= each.status < 300]

    def types(self, ticket_id: str | None = None) -> list[str]:
        """The types of the accepted events, in order of arrival."""
        events = [each.event for each in self.accepted]
        return [
            event["type"]
            for event in events
            if ticket_id is None or event["data"]["ticket"]["id"] == ticket_id
        ]

    def wait_for(self, count: int) -> list[Received]:
        """Wait until so many events were accepted."""
        eventually(lambda: len(self.accepted) >= count)
        return self.accepted

    def wait_for_type(self, event_type: str, ticket_id: str) -> None:
        eventually(lambda: event_type in self.types(ticket_id))

    def take(self, headers: Mapping[str, str], body: bytes) -> int:
        event = json.loads(body)
        with self._lock:
            earlier = sum(each.event["id"] == event["id"] for each in self._received)
        status = self.manner(event, earlier)
        with self._lock:
            self._received.append(Received(headers, body, status))
        return status

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def _handler(receiver: Receiver) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 10

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status = receiver.take({k.lower(): v for k, v in self.headers.items()}, body)
            self.send_response(status)
            for name, value in receiver.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Stay silent."""

    return Handler
