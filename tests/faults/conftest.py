"""What the fault tests share: private servers, a desk on them, seeds and figures.

    pytest tests/faults              the short form, part of `make test`
    pytest tests/faults --rounds 3   each fault three times in each run

Every test prints its seed; `-p randomly -p "randomly_seed=…"` of pytest-randomly repeats it.
"""

import random
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from deploy.local import Servers
from deploy.local.ports import choose_port
from deploy.local.programs import missing_packages
from tests.faults.desk import Desk
from tests.faults.processes import ServiceProcess, run_command

TEMPLATE = "faults_template"
WORKER = ["--health-port", "0"]

#: Prints a line, in the test's output and in the summary at the end.
Note = Callable[[str], None]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--rounds", type=int, default=1, help="How often each fault strikes in one run."
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.faults)
            item.add_marker(pytest.mark.timeout(600))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    lines = [
        f"{report.nodeid.rpartition('::')[2]}: {text}"
        for report in terminalreporter.getreports("passed") + terminalreporter.getreports("failed")
        for name, text in report.user_properties
        if name == "figures" and report.when == "call"
    ]
    if lines:
        terminalreporter.section("faults")
        terminalreporter.write_line("\n".join(lines))


@pytest.fixture
def rounds(request: pytest.FixtureRequest) -> int:
    return int(request.config.getoption("--rounds", 1))


@pytest.fixture
def note(record_property: Callable[[str, object], None]) -> Note:
    def write(text: str) -> None:
        print(text)  # noqa: T201 -- shown with a failure
        record_property("figures", text)

    return write


@pytest.fixture
def seed(note: Note) -> int:
    """Follow pytest-randomly's seed, which is the same for every run that names it."""
    chosen = random.getrandbits(32)
    note(f"seed {chosen}")
    return chosen


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    if missing_packages():
        pytest.skip(f"not installed: {', '.join(missing_packages())}")
    servers = Servers(tmp_path_factory.mktemp("faults"))
    try:
        servers.start()
        yield servers
    finally:
        for server in servers:
            server.remove()


@pytest.fixture(scope="session")
def token(servers: Servers) -> str:
    """Make a database with the schema and an API key, of which each test gets a copy."""
    settings = {"PATCHBAY_DATABASE_URL": servers.postgres.create_database(TEMPLATE)}
    run_command(settings, "migrate")
    return run_command(settings, "keys", "create", "--name", "faults", "--scope", "*").strip()


_numbers = count(1)


@pytest.fixture
def desk(servers: Servers, token: str, tmp_path: Path) -> Iterator[Desk]:
    """Run a desk in distributed mode, on servers that work, whatever the last test did to them."""
    servers.start()
    name = f"faults_{next(_numbers)}"
    conninfo = servers.postgres.url("postgres").replace("+psycopg", "")
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
                sql.Identifier(name), sql.Identifier(TEMPLATE)
            )
        )
    port = choose_port()
    settings = {
        "PATCHBAY_DATABASE_URL": servers.postgres.url(name),
        "PATCHBAY_BROKER_URL": servers.rabbitmq.url,
        "PATCHBAY_WEBHOOK_ALLOWED_NETWORKS": "127.0.0.0/8",
        "PATCHBAY_WEBHOOK_TIMEOUT_S": "2",
        "PATCHBAY_EMAIL_URL": "off:",
        "PATCHBAY_DATA_DIR": str(tmp_path),
    }
    processes = {
        "intake": ServiceProcess("intake", [], {**settings, "PATCHBAY_PORT": str(port)}, tmp_path),
        "router": ServiceProcess("router", WORKER, settings, tmp_path),
        "notifier": ServiceProcess("notifier", WORKER, settings, tmp_path),
    }
    desk = Desk(settings["PATCHBAY_DATABASE_URL"], port, token, processes)
    with desk.open():
        yield desk
