"""Bodies that come slowly, or not at all, hold nobody up: through the real HTTP server."""

import json
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPResponse
from typing import Any

import pytest
from sqlalchemy import func, select

from shared.db.engine import Database
from shared.db.models import Ticket
from shared.db.models.base import table
from shared.ports import LOOPBACK, choose_port
from shared.settings import Settings
from tests.desk import ticket_body
from tests.processes import END_TIMEOUT_S, ROOT, environment
from tests.waiting import DEADLINE_S, eventually

BODY = json.dumps(ticket_body()).encode()
THREADS = 2

pytestmark = [
    pytest.mark.parametrize("mode", ["embedded"], indirect=True),
    pytest.mark.skipif(sys.platform != "linux", reason="The server needs TCP_INFO for it."),
]


@pytest.fixture
def port(settings: Settings, token: str) -> Iterator[int]:
    """A server with two threads that waits a second for a body."""
    number = choose_port()
    log = settings.data_dir / "serve.log"
    changed = {
        "PATCHBAY_PORT": str(number),
        "PATCHBAY_HTTP_THREADS": str(THREADS),
        "PATCHBAY_BODY_TIMEOUT_S": "1",
    }
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "services.cli", "serve"],
            cwd=ROOT,
            env={**environment(settings), **changed},
            stdout=output,
            stderr=output,
        )
    try:
        eventually(lambda: healthy(number) or process.poll() is not None)
        yield number
    finally:
        process.terminate()
        process.wait(END_TIMEOUT_S)
    assert b"crashed" not in log.read_bytes(), log.read_text()


def healthy(port: int) -> bool:
    connection = HTTPConnection(LOOPBACK, port, timeout=DEADLINE_S)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def begin(port: int, token: str, framing: str) -> socket.socket:
    """Send the head of a POST of a ticket, and the first half of its body."""
    head = (
        f"POST /v1/tickets HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Type: application/json\r\n{framing}\r\n\r\n"
    )
    connection = socket.create_connection((LOOPBACK, port), timeout=DEADLINE_S)
    half = BODY[: len(BODY) // 2]
    chunk = f"{len(half):x}\r\n".encode() + half + b"\r\n" if "chunked" in framing else half
    connection.sendall(head.encode() + chunk)
    return connection


def answer(connection: socket.socket) -> tuple[int, Any]:
    response = HTTPResponse(connection)
    response.begin()
    return response.status, json.loads(response.read())


def number_of_tickets(database: Database) -> int:
    with database.reading() as connection:
        return int(connection.execute(select(func.count()).select_from(table(Ticket))).scalar_one())


FRAMINGS = [f"Content-Length: {len(BODY)}", "Transfer-Encoding: chunked"]


@pytest.mark.parametrize("framing", FRAMINGS)
def test_half_a_body_and_then_nothing_gets_408_and_frees_its_thread(
    port: int, token: str, database: Database, framing: str
) -> None:
    stuck = [begin(port, token, framing) for _ in range(2 * THREADS)]
    answers = []
    for connection in stuck:
        status, problem = answer(connection)
        answers.append((status, problem["code"]))
        connection.close()
    # Those whose turn had not come when they were given up are taken for broken off.
    assert set(answers) <= {(408, "request-timeout"), (400, "malformed-request")}
    assert answers.count((408, "request-timeout")) >= THREADS
    assert healthy(port)
    assert number_of_tickets(database) == 0


def test_a_body_that_trickles_gets_408_too(port: int, token: str, database: Database) -> None:
    connection = begin(port, token, f"Content-Length: {len(BODY) + 1_000_000}")
    stop = threading.Event()

    def trickle() -> None:
        while not stop.wait(0.1):
            try:
                connection.sendall(b" ")
            except OSError:
                return

    trickler = threading.Thread(target=trickle)
    trickler.start()
    status, problem = answer(connection)
    stop.set()
    trickler.join()
    connection.close()
    assert (status, problem["code"]) == (408, "request-timeout")
    assert number_of_tickets(database) == 0


@pytest.mark.parametrize("framing", FRAMINGS)
def test_a_body_that_is_broken_off_stores_nothing(
    port: int, token: str, database: Database, framing: str
) -> None:
    for _ in range(2 * THREADS):
        begin(port, token, framing).close()
    assert healthy(port)
    assert number_of_tickets(database) == 0


def test_whoever_sends_at_once_is_served_beside_them(
    port: int, token: str, database: Database
) -> None:
    stuck = [begin(port, token, FRAMINGS[0]) for _ in range(2 * THREADS)]
    connection = HTTPConnection(LOOPBACK, port, timeout=DEADLINE_S)
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    connection.request("POST", "/v1/tickets", BODY, headers)
    assert connection.getresponse().status == 201
    connection.close()
    for each in stuck:
        each.close()
    assert number_of_tickets(database) == 1
