"""Server-sent events from a real server to a real client, through kills, ends and bounds."""

import json
import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from time import monotonic

import psutil
import pytest

from shared.settings import Settings
from tests.desk import Desk
from tests.event_source import EventSource
from tests.fixtures.modes import Mode
from tests.processes import END_TIMEOUT_S, serving
from tests.waiting import eventually


@pytest.fixture
def command(mode: Mode) -> str:
    return "intake" if mode.distributed else "serve"


@pytest.fixture
def clients() -> Iterator[list[EventSource]]:
    made: list[EventSource] = []
    yield made
    for client in made:
        client.close()


def names(*tickets: dict[str, object]) -> list[tuple[object, int]]:
    return [(ticket["id"], 1) for ticket in tickets]


def kill_all(pid: int) -> None:
    """Kill a server and the processes it forked."""
    for process in [*psutil.Process(pid).children(recursive=True), psutil.Process(pid)]:
        os.kill(process.pid, signal.SIGKILL)


def test_events_arrive_as_they_happen_and_nothing_is_lost_or_doubled_by_a_kill(
    settings: Settings, desk: Desk, command: str, clients: list[EventSource]
) -> None:
    with serving(settings, command) as (process, port):
        client = EventSource(port, desk.token, "?type=ticket.created")
        clients.append(client)
        assert client.connect().status == 200
        assert client.response.headers["Content-Type"].startswith("text/event-stream")
        assert client.retry_ms > 0
        seen = [desk.ticket() for _ in range(3)]
        assert client.read(3) == names(*seen)
        kill_all(process.pid)
        assert client.next() is None
    missed = [desk.ticket() for _ in range(3)]
    with serving(settings, command) as (_, port):
        assert client.connect(port).status == 200
        live = desk.ticket()
        assert client.read(4) == names(*missed, live)
        client.close()


def test_a_stream_ends_after_its_time_and_is_taken_up_where_it_was(
    settings: Settings, desk: Desk, command: str, clients: list[EventSource]
) -> None:
    with serving(settings, command, PATCHBAY_STREAM_MAX_S="1") as (_, port):
        client = EventSource(port, desk.token, "?type=ticket.created")
        clients.append(client)
        client.connect()
        # On a busy machine a second may be over before an event is there: browsers connect again.
        first = desk.ticket()
        assert [client.read_through_ends()] == names(first)
        assert client.next() is None
        between = desk.ticket()
        client.connect()
        assert [client.read_through_ends()] == names(between)
        client.close()


def test_there_is_a_bound_and_beyond_it_a_503_that_says_when_to_come_back(
    settings: Settings, desk: Desk, command: str, clients: list[EventSource]
) -> None:
    bound = {"PATCHBAY_STREAM_LIMIT": "8", "PATCHBAY_HTTP_THREADS": "4"}
    with serving(settings, command, **bound) as (_, port):
        # Never more than half of the threads.
        clients += [EventSource(port, desk.token) for _ in range(3)]
        assert [client.connect().status for client in clients] == [200, 200, 503]
        response = clients[2].response
        assert int(response.headers["Retry-After"]) > 0
        problem = json.loads(response.read())
        assert problem["code"] == "unavailable"
        assert "PATCHBAY_STREAM_LIMIT" in problem["detail"]
        clients[0].close()

        def connects_again() -> bool:
            desk.ticket()  # A server notices by writing that a client has gone.
            return clients[2].connect().status == 200

        eventually(connects_again)
        for client in clients:
            client.close()


def test_a_stop_ends_streams_at_once(
    settings: Settings, desk: Desk, command: str, clients: list[EventSource]
) -> None:
    with ExitStack() as stack:
        process, port = stack.enter_context(serving(settings, command))
        clients += [EventSource(port, desk.token) for _ in range(3)]
        assert [client.connect().status for client in clients] == [200, 200, 200]
        began = monotonic()
        process.send_signal(signal.SIGTERM)
        assert [client.next() for client in clients] == [None, None, None]
        assert process.wait(END_TIMEOUT_S) == 0
        assert monotonic() - began < 5
