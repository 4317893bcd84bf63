"""Spans across real processes: one trace from the client to the receiver, collector or not."""

import http.client
import json
import subprocess
import sys
from contextlib import ExitStack
from dataclasses import replace
from time import monotonic

import pytest

from shared.domain.trace_context import span_id, trace_id
from shared.settings import Settings
from tests.collector import Collector
from tests.desk import Desk, ticket_body
from tests.fixtures.modes import Mode
from tests.processes import ROOT, environment, patchbay, serving
from tests.receiver import Receiver

TRACE, ASKED_BY = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
TRACEPARENT = f"00-{TRACE}-{ASKED_BY}-01"
#: What a process may need for its end beside the two seconds for spans, on a busy machine.
END_S = 12.0

#: Runs a command where no package of OpenTelemetry can be found.
WITHOUT_PACKAGES = """
import sys
from importlib.machinery import PathFinder

class Without(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        if name.partition(".")[0] == "opentelemetry":
            return None
        return super().find_spec(name, path, target)

sys.meta_path[:] = [Without if finder is PathFinder else finder for finder in sys.meta_path]
from services.cli.main import main
main()
"""

#: Builds what `patchbay serve` serves, and says which modules of OpenTelemetry that took.
WHAT_IS_IMPORTED = """
import sys
import services.cli.serve, services.cli.router, services.cli.notifier, services.intake.wsgi
import services.standalone
services.standalone.build()
print([name for name in sys.modules if name.startswith("opentelemetry")])
"""


def start(stack: ExitStack, settings: Settings, mode: Mode, **changed: str) -> int:
    """Start all services until the stack unwinds; return the port of the API."""
    if not mode.distributed:
        return stack.enter_context(serving(settings, "serve", **changed))[1]
    for worker in ("router", "notifier"):
        stack.enter_context(patchbay(settings, worker, "--health-port", "0", **changed))
    return stack.enter_context(serving(settings, "intake", **changed))[1]


def post(port: int, token: str, **headers: str) -> int:
    """Post a ticket; return the status."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    given = {"Authorization": f"Bearer {token}", "Content-Type": "application/json", **headers}
    try:
        connection.request("POST", "/v1/tickets", json.dumps(ticket_body()), given)
        return connection.getresponse().status
    finally:
        connection.close()


def test_a_ticket_is_one_trace_through_all_processes(
    settings: Settings, mode: Mode, desk: Desk, receiver: Receiver, collector: Collector
) -> None:
    desk.agent()
    desk.webhook(receiver.url)
    # Nothing leaves before the end of each process: so its end sends what is left.
    late = collector.variables | {"OTEL_BSP_SCHEDULE_DELAY": "60000"}
    # Where a machine is busy the watch would be there before the doorbell: the more so on alert,
    # once it has found what was made here before the processes were there.
    late["PATCHBAY_WATCH_INTERVAL_S"] = "60"
    with ExitStack() as stack:
        port = start(stack, settings, mode, PATCHBAY_LOG_LEVEL="DEBUG", **late)
        assert post(port, desk.token, traceparent=TRACEPARENT) == 201
        sent = [each.headers["traceparent"] for each in receiver.wait_for(2)]
        assert not collector.kept
    spans = {each.id: each for each in collector.of(TRACE)}
    [request] = [each for each in spans.values() if each.parent == ASKED_BY]
    assert (request.name, request.kind) == ("POST /v1/tickets", "SERVER")
    assert {trace_id(each) for each in sent} == {TRACE}
    posts = {each.id for each in spans.values() if each.name == "POST"}
    assert {span_id(each) for each in sent} == posts
    assert all(each.parent in spans for each in spans.values() if each is not request)
    [rung] = [each for each in spans.values() if each.name == "publish routing"]
    [batch] = [each for each in spans.values() if each.name == "process routing"]
    assert (rung.kind, batch.kind, batch.parent) == ("PRODUCER", "CONSUMER", rung.id)
    assert batch.links == (request.id,)
    [decision] = [each for each in spans.values() if each.name == "router.decide"]
    assert (decision.parent, decision.links) == (request.id, (batch.id,))
    services = {each.service for each in spans.values()}
    distributed = {"patchbay-intake", "patchbay-router", "patchbay-notifier"}
    assert services == (distributed if mode.distributed else {"patchbay"})
    logged = [
        json.loads(line)
        for log in settings.data_dir.glob("*.log")
        for line in log.read_text().splitlines()
        if TRACE in line
    ]
    created = [each for each in logged if each["event"] == "ticket.created"]
    assert created
    assert all(each["span_id"] in spans for each in created)


@pytest.mark.parametrize("mode", ["embedded"], indirect=True)
def test_a_process_whose_collector_never_answers_ends_in_its_time(
    settings: Settings, desk: Desk, receiver: Receiver, silent_collector: dict[str, str]
) -> None:
    desk.webhook(receiver.url, "ticket.created")
    with serving(settings, "serve", **silent_collector) as (_, port):
        assert post(port, desk.token) == 201
        receiver.wait_for(1)
        began = monotonic()
    assert monotonic() - began < END_S


@pytest.mark.parametrize("mode", ["embedded"], indirect=True)
def test_off_nothing_of_opentelemetry_is_imported(settings: Settings) -> None:
    done = subprocess.run(
        [sys.executable, "-c", WHAT_IS_IMPORTED],
        cwd=ROOT,
        env=environment(replace(settings, email_url="off")),
        capture_output=True,
        check=True,
        text=True,
    )
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("mode", ["embedded"], indirect=True)
@pytest.mark.parametrize("command", ["serve", "router"])
def test_without_the_packages_it_says_what_to_install(settings: Settings, command: str) -> None:
    shared_broker = replace(settings, broker_url="amqp://x", database_url="postgresql+psycopg://x")
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_PACKAGES, command],
        cwd=ROOT,
        env={**environment(shared_broker), "PATCHBAY_TRACING": "otlp"},
        capture_output=True,
        check=False,
        text=True,
    )
    assert done.returncode == 2
    way_out = (
        "PATCHBAY_TRACING: the packages for spans are not installed (opentelemetry is missing); "
        "install patchbay[tracing], or set it to off"
    )
    assert done.stderr.splitlines() == ["Settings are wrong:", way_out]
