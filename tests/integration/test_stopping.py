"""SIGTERM ends a server within its time, and silent readers are dropped, whatever clients do."""

import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from http.client import HTTPConnection
from pathlib import Path
from time import monotonic

import psutil
import pytest

from services.intake.http_process import LAST_LOOK_S
from shared.ports import choose_port
from shared.settings import Settings
from tests.desk import Desk
from tests.event_source import EventSource
from tests.processes import ROOT, answers, environment, serving
from tests.waiting import eventually

LONG = "x" * 60_000
#: More than any buffer between a server and a client holds, in tickets with a long description.
MANY = 100
#: Read at once by a client that keeps up.
FEW = 20
STOP_S = 3.0
#: For the machine, which may be busy, to end what the process has besides clients.
SLACK_S = 3.0

pytestmark = pytest.mark.parametrize("mode", ["embedded"], indirect=True)


@pytest.fixture
def opened() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def send(port: int, head: str, *, buffer: int | None = None) -> socket.socket:
    """Send the beginning of a request; with `buffer`, hold no more of the answer than that."""
    client = socket.socket()
    if buffer is not None:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
    client.connect(("127.0.0.1", port))
    client.sendall(head.replace("\n", "\r\n").encode())
    return client


def stream_head(token: str) -> str:
    return f"GET /v1/events/stream HTTP/1.1\nHost: x\nAuthorization: Bearer {token}\n\n"


def streams(port: int) -> int:
    """How many event streams a server has."""
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", "/metrics")
    text = connection.getresponse().read().decode()
    connection.close()
    [line] = [each for each in text.splitlines() if each.startswith("patchbay_event_streams ")]
    return int(float(line.split()[1]))


def test_sigterm_ends_a_server_in_its_time_whatever_its_clients_hold_open(
    settings: Settings, desk: Desk, opened: ExitStack
) -> None:
    stop = {"PATCHBAY_SHUTDOWN_TIMEOUT_S": str(STOP_S)}
    with serving(settings, "serve", **stop) as (process, port):
        post = f"POST /v1/tickets HTTP/1.1\nHost: x\nAuthorization: Bearer {desk.token}\n"
        half_head = send(port, post)
        half_body = send(port, f'{post}Content-Type: application/json\nContent-Length: 99\n\n{{"a"')
        silent = send(port, stream_head(desk.token), buffer=2048)
        reader = EventSource(port, desk.token)
        assert reader.connect().status == 200
        for each in (half_head, half_body, silent, reader):
            opened.callback(each.close)
        for _ in range(MANY):
            desk.ticket(description=LONG)
        [worker] = psutil.Process(process.pid).children()
        begun = monotonic()
        process.send_signal(signal.SIGTERM)
        assert process.wait(STOP_S + SLACK_S) == 0
        assert monotonic() - begun < STOP_S + SLACK_S
        assert not worker.is_running()
    [log] = settings.data_dir.glob("serve-*.log")
    assert "http.clients_cut_off" in log.read_text()


def test_a_process_whose_server_does_not_come_to_its_end_ends_by_itself(
    settings: Settings, tmp_path: Path, opened: ExitStack
) -> None:
    port, log = choose_port(), tmp_path / "endless.log"
    changed = {"PATCHBAY_PORT": str(port), "PATCHBAY_SHUTDOWN_TIMEOUT_S": "1"}
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.endless"],
            cwd=ROOT,
            env={**environment(settings), **changed},
            stdout=output,
            stderr=output,
        )
    opened.callback(process.wait)
    opened.callback(process.kill)
    eventually(lambda: answers(port), 40)
    process.send_signal(signal.SIGTERM)
    # Sooner than the server would kill it.
    assert process.wait(LAST_LOOK_S + 1 + SLACK_S) == 0, log.read_text()
    assert "http.ended_without_server" in log.read_text()
    # What belongs to the end of a process was done.
    assert (settings.data_dir / "ended").exists()


def test_a_stream_that_nobody_reads_is_dropped_and_holds_nobody_up(
    settings: Settings, desk: Desk, opened: ExitStack
) -> None:
    changed = {"PATCHBAY_SEND_TIMEOUT_S": "2", "PATCHBAY_SHUTDOWN_TIMEOUT_S": str(STOP_S)}
    with serving(settings, "serve", **changed) as (process, port):
        reader = EventSource(port, desk.token, "?type=ticket.created")
        opened.callback(reader.close)
        assert reader.connect().status == 200
        [worker] = psutil.Process(process.pid).children()

        def read_many() -> int:
            """Make tickets and read of them; return the memory that the process has then."""
            for _ in range(MANY // FEW):
                made = [(desk.ticket(description=LONG)["id"], 1) for _ in range(FEW)]
                assert reader.read(FEW) == made
            return int(worker.memory_info().rss)

        # Routing, mail and the search index have to do with the first tickets too.
        before = read_many()
        silent = send(port, stream_head(desk.token), buffer=2048)
        opened.callback(silent.close)
        eventually(lambda: streams(port) == 2)
        # A page of events for each stream, and what all of them share.
        assert read_many() - before < 32_000_000
        eventually(lambda: streams(port) == 1)
        last = desk.ticket()["id"]
        assert reader.read(1) == [(last, 1)]
