"""Several processes of intake are one to whoever reads their metrics."""

import http.client
from pathlib import Path

import psutil
import pytest

from shared.settings import Settings
from tests.processes import serving
from tests.waiting import eventually

REQUESTS = 40

pytestmark = pytest.mark.parametrize("mode", ["distributed"], indirect=True)


def get(port: int, path: str) -> str:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path)
        return connection.getresponse().read().decode()
    finally:
        connection.close()


def metrics(port: int) -> dict[str, float]:
    lines = [line for line in get(port, "/metrics").splitlines() if not line.startswith("#")]
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines)}


def test_metrics_of_several_intake_processes_are_added_up(
    settings: Settings, tmp_path: Path
) -> None:
    changed = {"PATCHBAY_HTTP_THREADS": "3", "TMPDIR": str(tmp_path)}
    with serving(settings, "intake", "--processes", "2", **changed) as (_, port):
        for _ in range(REQUESTS):
            get(port, "/healthz")
        found = metrics(port)
        answered = 'patchbay_http_requests_total{method="GET",route="/healthz",status="200"}'
        assert found[answered] == REQUESTS
        eventually(lambda: metrics(port)["patchbay_http_threads"] == 6)
        # The figures of the desk are there, whichever of the processes has read them.
        eventually(lambda: 'patchbay_list_backlog{list="bulk"}' in metrics(port))
    assert not list(tmp_path.glob("patchbay-metrics-*"))


def test_intake_stops_in_order_while_it_replaces_a_process_that_was_killed(
    settings: Settings,
) -> None:
    """Told before it has replaced it, and told while the new one knows no signals yet."""
    with serving(settings, "intake", "--processes", "2") as (server, _):
        psutil.Process(server.pid).children()[0].kill()
    with serving(settings, "intake", "--processes", "2") as (server, _):
        process = psutil.Process(server.pid)
        killed, kept = process.children()
        killed.kill()
        # A child whose number is new is there from the moment of the fork on.
        eventually(lambda: {each.pid for each in process.children()} - {killed.pid, kept.pid})
