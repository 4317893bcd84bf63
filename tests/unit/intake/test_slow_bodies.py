"""Which connections are closed when a body is late; the rest is tested through the server."""

import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from services.intake.slow_bodies import _close_slow
from tests.waiting import DEADLINE_S

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="It needs TCP_INFO.")


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as opened:
        yield opened


def connect(stack: ExitStack, listener: socket.socket) -> tuple[socket.socket, socket.socket]:
    """Our end and the other end of a connection, both in this process."""
    theirs = stack.enter_context(socket.create_connection(listener.getsockname()))
    ours, _ = listener.accept()
    stack.enter_context(ours)
    for each in (ours, theirs):
        each.settimeout(DEADLINE_S)
    return ours, theirs


def test_only_what_came_to_the_servers_port_is_closed_and_no_more_than_is_late(
    stack: ExitStack,
) -> None:
    listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
    database = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
    accepted = [connect(stack, listener) for _ in range(3)]
    _, outgoing = connect(stack, database)
    _close_slow(("127.0.0.1", listener.getsockname()[1]), 2, 0.0, {})
    closed = 0
    for ours, _ in accepted:
        ours.setblocking(False)
        try:
            closed += ours.recv(1) == b""
        except BlockingIOError:
            continue
    assert closed == 2
    outgoing.setblocking(False)
    with pytest.raises(BlockingIOError):
        outgoing.recv(1)


def test_who_can_still_be_read_is_not_closed(stack: ExitStack) -> None:
    listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
    ours, theirs = connect(stack, listener)
    seen = _close_slow(("127.0.0.1", listener.getsockname()[1]), 5, DEADLINE_S, {})
    assert list(seen.values()) == [0]
    theirs.sendall(b"x")
    assert ours.recv(1) == b"x"


def test_a_silent_one_reads_its_end(stack: ExitStack) -> None:
    listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
    ours, _ = connect(stack, listener)
    _close_slow(("127.0.0.1", listener.getsockname()[1]), 1, 0.0, {})
    assert ours.recv(1) == b""
