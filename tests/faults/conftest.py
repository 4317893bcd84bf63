"""What the fault tests share: private servers, a desk on them, seeds and figures.

    pytest tests/faults              the short form, part of `make test`
    pytest tests/faults --rounds 3   the long form, each fault three times in each run

Every test prints its seed, which follows from the one that `-p randomly_seed=…` sets. A run of
`tests/faults` writes its table to `var/faults`.
"""

import json
import random
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict
from itertools import count
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from deploy.local import Servers
from deploy.local.postgres import Postgres
from deploy.local.programs import missing_packages
from services.chaos.table import Row
from tests.faults import table
from tests.faults.desk import Desk
from tests.faults.evidence import Stage
from tests.faults.modes import distributed, new_token
from tests.faults.proxy import Proxy

TEMPLATE = "faults_template"


class Note:
    """Says things, in the test's output, in the summary at the end, and in the table."""

    def __init__(self, record: Callable[[str, object], None]) -> None:
        self._record = record

    def __call__(self, text: str) -> None:
        """Print a line."""
        print(text)  # noqa: T201 -- shown with a failure
        self._record("figures", text)

    def row(self, row: Row) -> None:
        """Add a row to the table."""
        self._record(table.MARK, json.dumps(asdict(row)))

    def struck(self, points: Iterable[str]) -> None:
        """Say which failpoints struck."""
        self._record(table.POINTS_MARK, " ".join(sorted(set(points))))


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
    reports = terminalreporter.getreports("passed") + terminalreporter.getreports("failed")
    calls = [report for report in reports if report.when == "call"]
    lines = [
        f"{report.nodeid.rpartition('::')[2]}: {text}"
        for report in calls
        for name, text in report.user_properties
        if name == "figures"
    ]
    if lines:
        terminalreporter.section("faults")
        terminalreporter.write_line("\n".join(lines))
    rows, points = table.told(each for report in calls for each in report.user_properties)
    if rows:
        seed = str(terminalreporter.config.getoption("randomly_seed", "unknown"))
        terminalreporter.write_line("\n" + table.write(seed, rows, points))


@pytest.fixture
def rounds(request: pytest.FixtureRequest) -> int:
    return int(request.config.getoption("--rounds", 1))


@pytest.fixture
def note(record_property: Callable[[str, object], None]) -> Note:
    return Note(record_property)


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
        note_commits(servers.postgres)
        yield servers
    finally:
        for server in servers:
            server.remove()


def note_commits(postgres: Postgres) -> None:
    """Let PostgreSQL note the order of commits, as `services.chaos.commit_order` asks for it."""
    conninfo = postgres.url("postgres").replace("+psycopg", "")
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute("ALTER SYSTEM SET track_commit_timestamp = on")
    postgres.restart()


@pytest.fixture(scope="session")
def token(servers: Servers) -> str:
    """Make the database of which each test gets a copy; return its API token."""
    return new_token(servers.postgres.create_database(TEMPLATE))


_numbers = count(1)


@pytest.fixture
def closed_desk(build_desk: Callable[..., Desk]) -> Desk:
    """Make a desk in distributed mode, not open yet."""
    return build_desk()


@pytest.fixture
def build_desk(servers: Servers, token: str, tmp_path: Path) -> Callable[..., Desk]:
    """Return what makes a desk in distributed mode, whatever the last test did to the servers.

    It takes settings to add, and may be told to reach PostgreSQL or RabbitMQ by another port.
    """

    def build(
        settings: Mapping[str, str] | None = None,
        *,
        postgres_port: int | None = None,
        rabbitmq_port: int | None = None,
    ) -> Desk:
        servers.start()
        direct = new_database(servers)
        postgres, rabbitmq = servers.postgres, servers.rabbitmq
        url = _elsewhere(direct, postgres.port, postgres_port)
        broker_url = _elsewhere(rabbitmq.url, rabbitmq.port, rabbitmq_port)
        desk = distributed(url, broker_url, token, tmp_path, settings or {})
        return desk.looking_at(direct)

    return build


def _elsewhere(url: str, port: int, other: int | None) -> str:
    return url if other is None else url.replace(f":{port}/", f":{other}/")


def new_database(servers: Servers, template: str | None = TEMPLATE) -> str:
    """Make a database, a copy or an empty one; return its URL."""
    name = f"faults_{next(_numbers)}"
    conninfo = servers.postgres.url("postgres").replace("+psycopg", "")
    with psycopg.connect(conninfo, autocommit=True) as connection:
        create = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
        source = sql.Identifier(template or "template1")
        connection.execute(create.format(sql.Identifier(name), source))
    return servers.postgres.url(name)


@pytest.fixture
def desk(closed_desk: Desk) -> Iterator[Desk]:
    with closed_desk.open() as desk:
        yield desk


@pytest.fixture
def stage(
    servers: Servers, build_desk: Callable[..., Desk], tmp_path: Path, seed: int
) -> Iterator[Stage]:
    """A desk that reaches its servers through proxies, and believes a clock that can be set."""
    servers.start()
    clock = tmp_path / "clock"
    clock.write_text("0")
    broker, database = Proxy(servers.rabbitmq.port), Proxy(servers.postgres.port)
    with broker, database:
        made = build_desk(
            {"FAULTS_CLOCK": str(clock)}, postgres_port=database.port, rabbitmq_port=broker.port
        )
        with made.open() as desk:
            yield Stage(desk, servers, broker, database, clock, seed)
