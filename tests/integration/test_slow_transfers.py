"""Over the real HTTP server: slow and broken transfers cost others nothing and leave nothing."""

import http.client
import json
import os
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from shared.settings import Settings
from tests.attaching import form
from tests.desk import ticket_body
from tests.fixtures.modes import Mode
from tests.processes import patchbay
from tests.waiting import eventually

#: Transfers at a time; the rest of the threads are for everybody else.
SLOTS = 2
LIMIT = 1 << 20


@dataclass(frozen=True, slots=True)
class Server:
    """A Patchbay that listens."""

    port: int
    token: str
    folder: Path

    def call(self, method: str, path: str, body: bytes = b"", kind: str = "") -> tuple[int, Any]:
        """Send a request as most clients do: all of it, and only then look at the answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": kind}
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        data = response.read()
        connection.close()
        return response.status, json.loads(data) if "json" in str(response.headers) else data

    def attach(self, ticket_id: str, content: bytes) -> tuple[int, Any]:
        kind, body = form(("a.txt", content))
        return self.call("POST", f"/v1/tickets/{ticket_id}/attachments", body, kind)

    def begin(self, method: str, path: str, headers: str = "", body: bytes = b"") -> socket.socket:
        """Send the beginning of a request and leave it there."""
        connection = socket.create_connection(("127.0.0.1", self.port), 30)
        head = f"{method} {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {self.token}\r\n"
        connection.sendall(f"{head}{headers}\r\n".encode() + body)
        return connection

    def arriving(self) -> list[Path]:
        incoming = self.folder / "incoming"
        return list(incoming.iterdir()) if incoming.exists() else []


@pytest.fixture
def patience() -> int:
    """How long an upload may take, in seconds."""
    return 5


@pytest.fixture
def server(mode: Mode, settings: Settings, token: str, patience: int) -> Iterator[Server]:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    changed = {
        "PATCHBAY_PORT": str(port),
        "PATCHBAY_STORAGE_URL": settings.storage_url,
        "PATCHBAY_HTTP_THREADS": "8",
        "PATCHBAY_TRANSFER_CONCURRENCY": str(SLOTS),
        "PATCHBAY_ATTACHMENT_MAX_BYTES": str(LIMIT),
        "PATCHBAY_UPLOAD_TIMEOUT_S": str(patience),
    }
    made = Server(port, token, Path(settings.storage_url.partition(":")[2]))
    with patchbay(settings, "intake" if mode.distributed else "serve", **changed):
        eventually(lambda: _answers(made))
        yield made


def _answers(server: Server) -> bool:
    try:
        return server.call("GET", "/readyz")[0] == 200
    except OSError:
        return False


@pytest.fixture
def ticket_id(server: Server) -> str:
    body = json.dumps(ticket_body()).encode()
    status, ticket = server.call("POST", "/v1/tickets", body, "application/json")
    assert status == 201
    return str(ticket["id"])


def begun_upload(server: Server, ticket_id: str, size: int = 200_000) -> socket.socket:
    """Send a form that stops in the middle of its file."""
    kind, body = form(("slow.txt", b"x" * size))
    headers = f"Content-Type: {kind}\r\nContent-Length: {len(body)}\r\n"
    return server.begin("POST", f"/v1/tickets/{ticket_id}/attachments", headers, body[:100_000])


def test_slow_uploads_leave_room_for_everybody_else_and_broken_ones_leave_nothing(
    server: Server, ticket_id: str
) -> None:
    slow = [begun_upload(server, ticket_id) for _ in range(SLOTS)]
    eventually(lambda: len(server.arriving()) == SLOTS)
    status, problem = server.attach(ticket_id, b"one more")
    assert (status, problem["code"]) == (503, "unavailable")
    assert "Too many uploads" in problem["detail"]
    assert server.call("GET", f"/v1/tickets/{ticket_id}")[0] == 200
    for connection in slow:
        connection.close()
    eventually(lambda: server.attach(ticket_id, b"now")[0] == 201)
    eventually(lambda: not server.arriving())
    _, found = server.call("GET", f"/v1/tickets/{ticket_id}/attachments")
    assert [each["size"] for each in found["items"]] == [3]


def test_a_client_that_sends_too_much_hears_what_is_allowed(server: Server, ticket_id: str) -> None:
    status, problem = server.attach(ticket_id, os.urandom(20 << 20))
    assert (status, problem["code"], problem["max_bytes"]) == (413, "too-large", LIMIT)
    assert "attach the link" in problem["detail"]
    assert server.arriving() == []


@pytest.mark.parametrize("patience", [1])
def test_a_body_that_comes_too_slowly_is_cut_off(server: Server, ticket_id: str) -> None:
    connection = begun_upload(server, ticket_id, LIMIT // 2)
    answer: list[bytes] = []

    def trickle() -> bool:
        connection.sendall(b"x" * 5_000)
        connection.settimeout(0.05)
        try:
            answer.append(connection.recv(4096))
        except TimeoutError:
            return False
        return True

    eventually(trickle)
    assert answer[0].startswith(b"HTTP/1.1 408")
    connection.close()
    assert server.arriving() == []


def test_downloads_that_nobody_reads_are_bounded_and_end_with_their_client(
    server: Server, ticket_id: str
) -> None:
    _, made = server.attach(ticket_id, os.urandom(LIMIT // 2).hex().encode())
    url = made["items"][0]["url"]
    unread = [server.begin("GET", url) for _ in range(SLOTS)]
    for connection in unread:
        assert connection.recv(12) == b"HTTP/1.1 200"
        connection.close()
    eventually(lambda: server.call("GET", url)[0] == 200)


def test_a_body_of_unknown_length_is_counted_as_it_comes(server: Server, ticket_id: str) -> None:
    kind, body = form(("a.txt", b"in chunks"))
    headers = f"Content-Type: {kind}\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n"
    chunk = f"{len(body):x}\r\n".encode() + body + b"\r\n0\r\n\r\n"
    path = f"/v1/tickets/{ticket_id}/attachments"
    with server.begin("POST", path, headers, chunk) as connection:
        assert connection.recv(12) == b"HTTP/1.1 201"
