"""What the fault tests share: private servers, a desk on them, seeds and figures.

    pytest tests/faults              the short form, part of `make test`
    pytest tests/faults --rounds 3   each fault three times in each run

Every test prints its seed, which follows from the one that `-p randomly_seed=…` sets.
"""

import random
from collections.abc import Callable, Iterator, Mapping
from itertools import count
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from deploy.local import Servers
from deploy.local.programs import missing_packages
from tests.faults.desk import Desk
from tests.faults.modes import distributed, new_token

TEMPLATE = "faults_template"

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
    """Make the database of which each test gets a copy; return its API token."""
    return new_token(servers.postgres.create_database(TEMPLATE))


_numbers = count(1)


@pytest.fixture
def new_distributed(servers: Servers, token: str, tmp_path: Path) -> Callable[..., Desk]:
    """Make desks in distributed mode, with changed settings."""

    def make(changed: Mapping[str, str] | None = None) -> Desk:
        return _distributed(servers, token, tmp_path, changed)

    return make


@pytest.fixture
def closed_desk(new_distributed: Callable[..., Desk]) -> Desk:
    """Make a desk in distributed mode."""
    return new_distributed()


def _distributed(
    servers: Servers, token: str, folder: Path, changed: Mapping[str, str] | None
) -> Desk:
    """Return a desk on servers that work, whatever the last test did to them."""
    servers.start()
    name = f"faults_{next(_numbers)}"
    conninfo = servers.postgres.url("postgres").replace("+psycopg", "")
    with psycopg.connect(conninfo, autocommit=True) as connection:
        copy = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
        connection.execute(copy.format(sql.Identifier(name), sql.Identifier(TEMPLATE)))
    url = servers.postgres.url(name)
    return distributed(url, servers.rabbitmq.url, token, folder, changed)


@pytest.fixture
def desk(closed_desk: Desk) -> Iterator[Desk]:
    with closed_desk.open() as desk:
        yield desk
