"""What clients of a proof make of answers, and of none."""

import json
import random
import socket
import struct
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest

from services.chaos.checker import Rule
from services.chaos.client import Client
from services.chaos.errors import BrokenPromise, ChaosError
from services.chaos.traffic import Traffic

#: Ends a connection by a reset instead of in order (socket(7), SO_LINGER).
AT_ONCE = struct.pack("ii", 1, 0)
RESET = 0


class Somewhere:
    """A desk that is nothing but its port."""

    def __init__(self, port: int) -> None:
        self.port = port

    def client(self) -> Client:
        return Client(self.port, "none")


@contextmanager
def answering(statuses: Sequence[int]) -> Iterator[Traffic]:
    """Serve one connection for each status, or reset it; yields traffic that goes there."""

    def serve() -> None:
        for status in statuses:
            connection, _ = listener.accept()
            with connection:
                if status == RESET:
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
                    continue
                connection.recv(65_536)
                body = json.dumps({"id": "tkt_1"}).encode()
                head = f"HTTP/1.1 {status} So\r\nContent-Length: {len(body)}\r\n\r\n"
                connection.sendall(head.encode() + body)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        desk = Somewhere(listener.getsockname()[1])
        yield Traffic(desk, 1, lambda number, _: {"subject": f"Ticket {number}"})
        thread.join(10)


def post(traffic: Traffic) -> Client:
    client = traffic.desk.client()
    try:
        traffic.create(client, 1, random.Random(1))
    finally:
        client.close()
    return client


def test_a_fault_of_the_desk_is_a_broken_promise() -> None:
    with answering([500]) as traffic, pytest.raises(BrokenPromise) as refused:
        post(traffic)
    assert refused.value.violation.rule is Rule.FAULT
    assert not traffic.accepted


def test_a_ticket_that_the_desk_does_not_want_only_keeps_the_proof_from_being_made() -> None:
    with (
        answering([422]) as traffic,
        pytest.raises(ChaosError, match="refused a ticket") as refused,
    ):
        post(traffic)
    assert not isinstance(refused.value, BrokenPromise)


def test_a_connection_that_is_reset_before_its_first_answer_is_counted_apart() -> None:
    with answering([RESET, 201]) as traffic:
        client = post(traffic)
    traffic.troubles += client.troubles
    assert traffic.accepted
    assert (traffic.reset_anew, traffic.turned_away) == (1, 0)
