"""The private servers of a checkout: they start, crash, recover, and leave everything else alone.

One pair of servers is started for the whole module by the command, as a developer would; the tests
attach to it, as a later process would.
"""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pika
import psutil
import psycopg
import pytest

from deploy.local import NotRunning, Postgres, RabbitMQ, Servers, StartFailed
from deploy.local.packages import deny_service_starts
from deploy.local.processes import Process, kill_all
from deploy.local.programs import missing_packages
from deploy.local.services import Services, patchbay
from deploy.local.state import SERVER, load_state, save_state
from shared.ports import choose_port
from shared.waiting import wait_until
from tests.attaching import form
from tests.desk import ticket_body

ROOT = Path(__file__).parents[2]
DEADLINE_S = 30
FROZEN_TIMEOUT_S = 0.3

pytestmark = pytest.mark.skipif(
    bool(missing_packages()) and "CI" not in os.environ,
    reason=f"not installed: {', '.join(missing_packages())}",
)


def run_command(
    *arguments: str, module: str = "deploy.local", timeout_s: float = DEADLINE_S, **settings: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=ROOT,
        env={k: v for k, v in os.environ.items() if not k.startswith("PATCHBAY_")} | settings,
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )


def post(url: str, authorization: str, content_type: str, body: bytes) -> dict[str, Any]:
    headers = {"Authorization": authorization, "Content-Type": content_type}
    request = Request(url, body, headers)
    with urlopen(request, timeout=DEADLINE_S) as answer:
        return dict(json.load(answer))


def conninfo(url: str) -> str:
    """What psycopg calls the URL that SQLAlchemy is given."""
    return url.replace("postgresql+psycopg://", "postgresql://")


def query(url: str, statement: str) -> list[tuple[object, ...]]:
    with psycopg.connect(conninfo(url), connect_timeout=DEADLINE_S) as connection:
        return connection.execute(statement.encode()).fetchall()


def execute(url: str, statement: str) -> None:
    with psycopg.connect(conninfo(url), connect_timeout=DEADLINE_S) as connection:
        connection.execute(statement.encode())


def publish(url: str, queue: str, body: bytes) -> None:
    with pika.BlockingConnection(pika.URLParameters(url)) as connection:
        channel = connection.channel()
        channel.queue_declare(queue, durable=True)
        channel.confirm_delivery()
        persistent = pika.BasicProperties(delivery_mode=pika.DeliveryMode.Persistent)
        channel.basic_publish("", queue, body, persistent, mandatory=True)


def take(url: str, queue: str) -> bytes | None:
    """The next message of a queue; None if it is empty or does not exist."""
    with pika.BlockingConnection(pika.URLParameters(url)) as connection:
        try:
            _, _, body = connection.channel().basic_get(queue, auto_ack=True)
        except pika.exceptions.ChannelClosedByBroker:
            return None
        return bytes(body) if body is not None else None


def greets(port: int) -> bool:
    """Whether a RabbitMQ answers the AMQP header within FROZEN_TIMEOUT_S."""
    with socket.create_connection(("127.0.0.1", port), timeout=FROZEN_TIMEOUT_S) as connection:
        connection.sendall(b"AMQP\x00\x00\x09\x01")
        try:
            return connection.recv(1) == b"\x01"
        except TimeoutError:
            return False


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    directory = tmp_path_factory.mktemp("servers")
    started = run_command("up", "--directory", str(directory))
    assert started.returncode == 0, started.stderr
    yield directory
    for server in Servers(directory):
        server.remove()


@pytest.fixture
def servers(directory: Path) -> Servers:
    """The module's servers, running whatever the test before has done to them."""
    servers = Servers(directory)
    servers.start()
    return servers


@pytest.fixture
def postgres(servers: Servers) -> Postgres:
    return servers.postgres


@pytest.fixture
def rabbitmq(servers: Servers) -> RabbitMQ:
    return servers.rabbitmq


def test_up_attaches_to_running_servers_and_prints_two_settings(servers: Servers) -> None:
    pids = [server.pid for server in servers]
    directory = servers.postgres.directory.parent

    again = run_command("up", "--directory", str(directory), "--database", "desk")

    assert again.stdout.splitlines() == [
        f"PATCHBAY_DATABASE_URL={servers.postgres.url('desk')}",
        f"PATCHBAY_BROKER_URL={servers.rabbitmq.url}",
    ]
    assert [server.pid for server in servers] == pids
    assert query(servers.postgres.url("desk"), "SELECT 1") == [(1,)]


def test_services_beside_them_keep_all_they_have_in_one_folder(servers: Servers) -> None:
    directory, (port, *health) = servers.postgres.directory.parent, free_ports(3)
    asked = ("--services", "--database", "services", "--health-ports", *health)
    services = Services(directory)

    def up(**more: str) -> subprocess.CompletedProcess[str]:
        command = ("up", "--directory", str(directory), *asked)
        return run_command(*command, timeout_s=120, **{"PATCHBAY_PORT": port, **more})

    try:
        started = up()
        assert started.returncode == 0, started.stderr
        settings = dict(line.split("=", 1) for line in started.stdout.splitlines())
        authorization = f"Bearer {(directory / 'data' / 'admin.key').read_text().strip()}"
        url = f"http://127.0.0.1:{port}/v1/tickets"
        ticket = post(url, authorization, "application/json", json.dumps(ticket_body()).encode())
        post(f"{url}/{ticket['id']}/attachments", authorization, *form(("vpn.log", b"no route\n")))
        sound = run_command("verify", "--storage", module="services.cli", **settings)

        before = services.running
        kill_all([before["router"]])
        refused = [up(PATCHBAY_PORT=str(choose_port())), up(PATCHBAY_QUEUE_PREFIX="other")]
        left = services.running
        again = up()
        after = services.running
    finally:
        stopped = services.stop()

    assert sound.returncode == 0, sound.stdout + sound.stderr
    kept = [each for each in (directory / "data").rglob("*") if each.is_file()]
    assert b"no route\n" in [each.read_bytes() for each in kept]
    for answer, name in zip(refused, ("PATCHBAY_PORT", "PATCHBAY_QUEUE_PREFIX"), strict=True):
        assert (answer.returncode, answer.stdout) == (1, "")
        assert f"intake runs with another {name}; first stop it: python -m" in answer.stderr
    assert left == {name: before[name] for name in ("intake", "notifier")}
    assert again.stdout == started.stdout
    assert {name: after[name] for name in left} == left
    assert set(stopped) == {"intake", "router", "notifier"}


def free_ports(count: int) -> list[str]:
    ports: list[int] = []
    while len(ports) < count:
        ports.append(choose_port(besides=ports))
    return [str(port) for port in ports]


@pytest.mark.parametrize("taken", ["intake", "router", "notifier"])
def test_services_do_not_start_on_the_port_of_another(tmp_path: Path, taken: str) -> None:
    intake, router, notifier = free_ports(3)
    port = {"intake": intake, "router": router, "notifier": notifier}[taken]
    refused = pytest.raises(StartFailed, match=f"port {port} is taken, {taken} cannot listen")
    with socket.create_server(("127.0.0.1", int(port))), refused:
        Services(tmp_path).start({"PATCHBAY_PORT": intake}, (int(router), int(notifier)))
    assert Services(tmp_path).running == {}


def test_services_do_not_share_a_port(tmp_path: Path) -> None:
    intake, health = free_ports(2)
    with pytest.raises(StartFailed, match=f"port {health} is taken"):
        Services(tmp_path).start({"PATCHBAY_PORT": intake}, (int(health), int(health)))


def test_if_one_service_ends_at_once_those_started_with_it_are_not_left(
    servers: Servers, tmp_path: Path
) -> None:
    intake, router, notifier = free_ports(3)
    settings = {
        "PATCHBAY_PORT": intake,
        "PATCHBAY_DATABASE_URL": servers.postgres.create_database("half"),
        "PATCHBAY_BROKER_URL": servers.rabbitmq.url,
        "PATCHBAY_DATA_DIR": str(tmp_path),
        # Of a network that is nobody's (RFC 5737): only intake listens there.
        "PATCHBAY_HOST": "192.0.2.1",
    }
    patchbay(settings, "migrate")

    with pytest.raises(StartFailed, match="intake ended at once"):
        Services(tmp_path).start(settings, (int(router), int(notifier)))

    assert (tmp_path / "router.log").exists()
    assert Services(tmp_path).running == {}
    assert not processes_with("PATCHBAY_DATA_DIR", str(tmp_path))


def processes_with(variable: str, value: str) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.environ().get(variable) == value:
                found.append(process)
    return found


def test_both_listen_on_loopback_only(servers: Servers) -> None:
    listening = subprocess.run(
        ["cat", "/proc/net/tcp", "/proc/net/tcp6"], capture_output=True, text=True, check=True
    ).stdout
    for server in servers:
        addresses = {
            line.split()[1].partition(":")[0]
            for line in listening.splitlines()
            if line.split()[1].endswith(f":{server.port:04X}") and line.split()[3] == "0A"
        }
        assert addresses == {"0100007F"}, server.name


def test_postgres_settings_are_durable(postgres: Postgres) -> None:
    url = postgres.create_database("settings")
    names = ("fsync", "synchronous_commit", "full_page_writes", "max_connections")
    settings = {name: query(url, f"SHOW {name}")[0][0] for name in names}
    assert settings == {
        "fsync": "on",
        "synchronous_commit": "on",
        "full_page_writes": "on",
        "max_connections": "200",
    }


def test_creating_a_database_twice_keeps_its_content(postgres: Postgres) -> None:
    url = postgres.create_database("twice")
    execute(url, "CREATE TABLE tickets (subject text)")
    assert postgres.create_database("twice") == url
    assert query(url, "SELECT count(*) FROM tickets") == [(0,)]


def test_postgres_recovers_committed_rows_after_a_crash(postgres: Postgres) -> None:
    url = postgres.create_database("crash")
    execute(url, "CREATE TABLE tickets (subject text)")
    execute(url, "INSERT INTO tickets VALUES ('printer on fire')")

    postgres.kill()
    assert not postgres.running
    with pytest.raises(psycopg.OperationalError):
        query(url, "SELECT 1")
    postgres.start()

    assert query(url, "SELECT subject FROM tickets") == [("printer on fire",)]


def test_postgres_starts_after_somebody_else_killed_only_its_postmaster(
    postgres: Postgres,
) -> None:
    url = postgres.create_database("orphans")
    with psycopg.connect(conninfo(url)):
        os.kill(postgres.pid, signal.SIGKILL)
        assert wait_until(lambda: not postgres.running, DEADLINE_S)
        postgres.start()
    assert query(url, "SELECT 1") == [(1,)]


def test_postgres_stops_in_order_while_frozen_with_a_client(postgres: Postgres) -> None:
    url = postgres.create_database("frozen")
    with psycopg.connect(conninfo(url)):
        postgres.freeze()
        assert postgres.running
        postgres.stop()
    assert not postgres.running
    assert "database system is shut down" in (postgres.directory / "postgres.log").read_text()


def test_postgres_answers_again_once_thawed(postgres: Postgres) -> None:
    url = postgres.create_database("thawed")
    with psycopg.connect(conninfo(url)) as connection:
        postgres.freeze()
        postgres.thaw()
        assert connection.execute("SELECT 1").fetchall() == [(1,)]


def test_rabbitmq_keeps_confirmed_messages_through_a_crash(rabbitmq: RabbitMQ) -> None:
    publish(rabbitmq.url, "crash", b"printer on fire")
    rabbitmq.flush_definitions()

    rabbitmq.kill()
    assert not rabbitmq.running
    rabbitmq.start()

    assert take(rabbitmq.url, "crash") == b"printer on fire"


def test_wiped_rabbitmq_has_no_queues_on_the_same_port(rabbitmq: RabbitMQ) -> None:
    url = rabbitmq.url
    publish(url, "wiped", b"gone")

    rabbitmq.wipe()

    assert rabbitmq.url == url
    assert rabbitmq.control("list_queues", "--no-table-headers").strip() == ""
    assert take(url, "wiped") is None


def test_virtual_hosts_are_apart(rabbitmq: RabbitMQ) -> None:
    url = rabbitmq.create_vhost("tests/1")
    publish(url, "apart", b"inside")
    assert take(rabbitmq.url, "apart") is None
    assert take(url, "apart") == b"inside"


def test_frozen_rabbitmq_accepts_but_does_not_answer(rabbitmq: RabbitMQ) -> None:
    rabbitmq.freeze()
    try:
        assert rabbitmq.running
        assert not greets(rabbitmq.port)
    finally:
        rabbitmq.thaw()
    assert wait_until(lambda: greets(rabbitmq.port), DEADLINE_S)


def test_a_recorded_pid_that_belongs_to_another_process_is_left_alone(tmp_path: Path) -> None:
    postgres = Postgres(tmp_path)
    stranger = subprocess.Popen(["sleep", str(DEADLINE_S)])
    try:
        process = Process.of(stranger.pid)
        stale = replace(process, started_ticks=process.started_ticks - 1)
        save_state(
            tmp_path / "state.json",
            replace(load_state(tmp_path / "state.json"), processes={SERVER: stale}),
        )

        assert not postgres.running
        postgres.stop()
        postgres.kill()

        assert process.alive
    finally:
        stranger.kill()
        stranger.wait()


def test_down_stops_its_own_servers_only(servers: Servers, tmp_path: Path) -> None:
    directory = servers.postgres.directory.parent
    other = Postgres(tmp_path / "other")
    other.start()
    try:
        stopped = run_command("down", "--directory", str(directory))

        assert stopped.returncode == 0, stopped.stderr
        assert not any(server.running for server in servers)
        assert query(other.create_database("other"), "SELECT 1") == [(1,)]
        status = run_command("status", "--directory", str(directory))
        assert status.stdout.splitlines() == ["PostgreSQL: stopped", "RabbitMQ: stopped"]
        assert status.returncode == 3
    finally:
        other.remove()
    assert not other.directory.exists()


def test_a_context_leaves_running_what_it_found_running(servers: Servers) -> None:
    servers.postgres.stop()
    with Servers(servers.postgres.directory.parent) as attached:
        assert attached.postgres.running
    assert not servers.postgres.running
    assert servers.rabbitmq.running


def test_a_failed_start_quotes_the_log_and_leaves_nothing_running(
    postgres: Postgres,
) -> None:
    postgres.stop()
    version = next(Path(postgres._state.data_directory or "").glob("data/PG_VERSION"))
    control = version.parent / "global" / "pg_control"
    hidden = control.with_suffix(".hidden")
    control.rename(hidden)
    try:
        with pytest.raises(StartFailed, match="could not find the database system"):
            postgres.start()
    finally:
        hidden.rename(control)
    assert not postgres.running


def test_what_was_never_started_says_so(tmp_path: Path) -> None:
    rabbitmq = RabbitMQ(tmp_path)
    assert not rabbitmq.running
    with pytest.raises(NotRunning, match="never started"):
        rabbitmq.url  # noqa: B018  # The property is what raises.
    with pytest.raises(NotRunning, match="is not running"):
        rabbitmq.freeze()


@pytest.mark.parametrize("before", [None, "#!/bin/sh\nexit 0\n"])
def test_the_service_policy_is_restored(tmp_path: Path, before: str | None) -> None:
    policy = tmp_path / "policy-rc.d"
    if before is not None:
        policy.write_text(before)

    with deny_service_starts(policy):
        assert subprocess.run([policy], check=False).returncode == 101

    assert (policy.read_text() if policy.exists() else None) == before
    assert list(tmp_path.iterdir()) == ([policy] if before else [])
