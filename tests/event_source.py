"""A client of server-sent events: keeps the last id, as browsers do."""

import http.client
import json
from dataclasses import dataclass
from time import monotonic
from typing import Any

READ_TIMEOUT_S = 20


@dataclass(frozen=True, slots=True)
class Message:
    """One event as it arrived."""

    id: str
    type: str
    data: dict[str, Any]


def named(message: Message) -> tuple[str, int]:
    """Ticket and sequence of an event."""
    return message.data["data"]["ticket"]["id"], message.data["sequence"]


class EventSource:
    """One stream, from connecting to its end; connect again to go on."""

    def __init__(self, port: int, token: str, query: str = "") -> None:
        self.port = port
        self.path = "/v1/events/stream" + query
        self.headers = {"Authorization": f"Bearer {token}", "Accept": "text/event-stream"}
        self.last_id = ""
        self.retry_ms = 0
        self.connection: http.client.HTTPConnection | None = None

    def connect(self, port: int | None = None) -> http.client.HTTPResponse:
        """Open the stream, behind the last id if there is one; return the response."""
        self.close()
        self.port = port or self.port
        headers = dict(self.headers)
        if self.last_id:
            headers["Last-Event-ID"] = self.last_id
        self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=READ_TIMEOUT_S)
        self.connection.request("GET", self.path, headers=headers)
        self.response = self.connection.getresponse()
        if self.response.status == 200:
            self._block()
        return self.response

    def next(self) -> Message | None:
        """Wait for the next event; None when the stream has ended."""
        while True:
            fields = self._block()
            if fields is None:
                return None
            if "data" in fields:
                return Message(fields["id"], fields["event"], json.loads(fields["data"]))

    def read(self, count: int) -> list[tuple[str, int]]:
        """Return ticket and sequence of the next `count` events."""
        return [named(message) for _ in range(count) if (message := self.next())]

    def read_through_ends(self) -> tuple[str, int]:
        """Return ticket and sequence of the next event, connecting again as often as it takes."""
        give_up_at = monotonic() + READ_TIMEOUT_S
        while (message := self.next()) is None:
            assert monotonic() < give_up_at, "no event in many streams"
            self.connect()
        return named(message)

    def close(self) -> None:
        if self.connection is not None:
            self.response.close()
            self.connection.close()

    def _block(self) -> dict[str, str] | None:
        fields: dict[str, str] = {}
        while True:
            try:
                line = self.response.readline()
            except (http.client.IncompleteRead, ConnectionError):
                line = b""
            if not line:
                return None
            text = line.decode().rstrip("\n")
            if not text:
                self.last_id = fields.get("id", self.last_id)
                self.retry_ms = int(fields.get("retry", self.retry_ms))
                return fields
            name, _, value = text.partition(": ")
            fields[name] = value
