"""The health port of workers answers whatever its other clients do, and none of them stays."""

import http.client
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from time import monotonic

import pytest

from shared.observability.health import CONNECTIONS, HealthServer
from tests.waiting import eventually

PATIENCE_S = 1.0
#: The server looks twice a second, on a machine that may be busy.
SLACK_S = 5.0


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def server(stack: ExitStack) -> HealthServer:
    server = HealthServer("127.0.0.1", 0, dict, PATIENCE_S)
    server.start()
    stack.callback(server.close)
    return server


def test_a_client_that_says_nothing_is_cut_off(server: HealthServer, stack: ExitStack) -> None:
    silent = connect(server, stack)

    assert silent.recv(1) == b""


def test_a_client_that_says_a_word_now_and_then_is_cut_off_too(
    server: HealthServer, stack: ExitStack
) -> None:
    client = connect(server, stack)
    client.settimeout(PATIENCE_S / 4)
    client.sendall(b"GET /healthz HTTP/1.1\r\n")

    deadline = monotonic() + PATIENCE_S + SLACK_S
    while not ended(client):
        assert monotonic() < deadline
        client.sendall(b"X-Word: 1\r\n")


def test_many_silent_clients_hold_few_threads_and_keep_no_probe_out(stack: ExitStack) -> None:
    server = HealthServer("127.0.0.1", 0, dict)
    server.start()
    stack.callback(server.close)
    before = threading.active_count()

    for _ in range(3 * CONNECTIONS):
        connect(server, stack)
    for path in ("/healthz", "/readyz", "/metrics"):
        assert asked(server, path) == 200
    # Sooner than anybody is cut off for having taken too long.
    eventually(lambda: threading.active_count() <= before + CONNECTIONS, SLACK_S)


def test_who_is_cut_off_leaves_nothing_in_the_log(
    server: HealthServer, stack: ExitStack, capfd: pytest.CaptureFixture[str]
) -> None:
    client = connect(server, stack)
    client.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n")
    while client.recv(4096):
        pass
    assert asked(server, "/healthz") == 200

    assert capfd.readouterr().err == ""


def connect(server: HealthServer, stack: ExitStack) -> socket.socket:
    address = ("127.0.0.1", server.port)
    return stack.enter_context(socket.create_connection(address, PATIENCE_S + SLACK_S))


def ended(client: socket.socket) -> bool:
    """Whether the server has ended the connection; waits as long as the client's patience is."""
    try:
        return client.recv(1) == b""
    except TimeoutError:
        return False
    except ConnectionError:
        return True


def asked(server: HealthServer, path: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=SLACK_S)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    finally:
        connection.close()
