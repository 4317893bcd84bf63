"""The rules of the house that a machine can check."""

import ast
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from services.intake import bootstrap as intake
from services.notifier import bootstrap as notifier
from services.router import bootstrap as router
from shared.domain.work import ListName
from shared.messaging.worker_host import WorkerHost
from shared.runtime import Runtime
from shared.schemas.doorbell import ACTORS
from tests.fixtures.modes import Mode

ROOT = Path(__file__).parents[2]
PACKAGES = ("services", "shared", "deploy")
FORBIDDEN_NAMES = {"utils", "util", "helpers", "helper", "common", "misc", "core", "base_utils"}


def sources(*packages: str) -> Iterator[Path]:
    for package in packages:
        for path in sorted((ROOT / package).rglob("*.py")):
            if "versions" not in path.parts:
                yield path


def module_name(path: Path) -> str:
    name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
    return name.removesuffix(".__init__")


def test_the_import_contracts_hold() -> None:
    command = [Path(sys.executable).parent / "lint-imports", "--no-cache"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


#: Imports every module with sockets and engines forbidden, then looks for a global broker.
IMPORT_EVERYTHING = """
import importlib, os, socket, sys
import sqlalchemy, sqlalchemy.engine.create as create

def forbidden(*args, **kwargs):
    raise AssertionError("an import did what only a start may do")

for name in ("connect", "connect_ex", "bind", "listen", "sendto"):
    setattr(socket.socket, name, forbidden)
socket.create_connection = forbidden
sqlalchemy.create_engine = create.create_engine = forbidden
import threading
before = set(threading.enumerate())
for name in sys.argv[1:]:
    importlib.import_module(name)
import dramatiq.broker
assert dramatiq.broker.global_broker is None, "a global broker was made"
assert set(threading.enumerate()) == before, "an import started a thread"
assert not [name for name in sys.modules if name == "unittest.mock"]
"""


def test_importing_any_module_opens_builds_and_starts_nothing() -> None:
    names = [module_name(path) for path in sources(*PACKAGES) if path.name != "__main__.py"]
    names = [name for name in names if not name.endswith("migrations.env")]
    assert len(names) > 100
    done = subprocess.run(
        [sys.executable, "-c", IMPORT_EVERYTHING, *names],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", ["services.router.bootstrap", "shared.messaging.amqp"])
def test_a_worker_needs_no_web_framework(name: str) -> None:
    script = f"import sys, {name}; sys.exit('flask' in sys.modules or 'aiohttp' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=False).returncode == 0


def test_the_router_package_itself_loads_no_numerics() -> None:
    """So that the command line starts fast, and without the router's extra."""
    script = "import sys, services.router; sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=False).returncode == 0


def test_every_module_says_what_it_is() -> None:
    silent = [
        str(path.relative_to(ROOT))
        for path in sources(*PACKAGES, "tests")
        if not ast.get_docstring(ast.parse(path.read_text()))
    ]
    assert silent == []


def test_no_module_is_named_after_nothing() -> None:
    named = [path for path in sources(*PACKAGES) if path.stem in FORBIDDEN_NAMES]
    assert named == []


#: What only `shared.db.ticket_changes` may write, by the names of models and tables.
GUARDED_TABLES = {
    "Ticket": "tickets",
    "TicketEvent": "ticket_events",
    "Assignment": "assignments",
}
WRITERS = {"insert", "update", "delete", "upsert", "sql_update"}
#: The door itself, the tables, and the work list, which moves rows of any list.
OPEN_TO = ("shared/db/ticket_changes", "shared/db/models", "shared/db/migrations")


def writes(path: Path) -> Iterator[tuple[int, str]]:
    """Yield line and table of each write to a guarded table in a module.

    A write is a call of a writer whose first arguments name the table: by its model, by a name that
    the module gave to `table(Model)`, or in SQL text.
    """
    tree = ast.parse(path.read_text())
    aliases = {
        target.id: model
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign)
        for target, model in _tables_of(node)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _called(node) in WRITERS:
            for argument in [*node.args[:2], getattr(node.func, "value", None)]:
                for name in ast.walk(argument) if argument is not None else ():
                    if isinstance(name, ast.Name):
                        model = aliases.get(name.id, name.id)
                        if model in GUARDED_TABLES:
                            yield node.lineno, model
                    if isinstance(name, ast.Attribute) and name.attr in ("TICKETS", "_TICKETS"):
                        yield node.lineno, "Ticket"
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            pattern = r"\b(INSERT INTO|UPDATE|DELETE FROM) (tickets|ticket_events|assignments)\b"
            if re.search(pattern, node.value):
                yield node.lineno, node.value


def _called(call: ast.Call) -> str:
    function = call.func
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def _tables_of(node: ast.Assign) -> Iterator[tuple[ast.Name, str]]:
    targets = node.targets[0]
    pairs = (
        zip(targets.elts, node.value.elts, strict=True)
        if isinstance(targets, ast.Tuple) and isinstance(node.value, ast.Tuple)
        else [(targets, node.value)]
    )
    for target, value in pairs:
        if (
            isinstance(target, ast.Name)
            and isinstance(value, ast.Call)
            and _called(value) == "table"
        ):
            argument = value.args[0]
            if isinstance(argument, ast.Name):
                yield target, argument.id


def test_only_the_ticket_changes_write_tickets_events_and_assignments() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line} {what}"
        for path in sources("services", "shared")
        if not str(path.relative_to(ROOT)).startswith(OPEN_TO)
        for line, what in writes(path)
    ]
    assert found == []


def test_the_check_of_writers_finds_what_it_is_for() -> None:
    found = [
        line
        for path in sources("shared")
        if "ticket_changes" in path.parts
        for line, _ in writes(path)
    ]
    assert len(found) >= 4


def test_only_the_ticket_changes_raise_and_lower_the_load_of_agents() -> None:
    """Everybody else only makes agents with a load of 0. Values in memory are no agents."""
    pattern = re.compile(r"values\([^)]*\bload=|[\"']load[\"']\s*:(?!\s*0\b)|SET load\b")
    found = [
        str(path.relative_to(ROOT))
        for path in sources("services", "shared")
        if not str(path.relative_to(ROOT)).startswith(OPEN_TO)
        and pattern.search(path.read_text())
        and "tx." in path.read_text()
    ]
    assert found == []


def test_only_the_notifier_writes_deliveries() -> None:
    pattern = re.compile(r"import .*\bDelivery(Attempt)?\b")
    found = {
        str(path.relative_to(ROOT))
        for path in sources("services")
        if pattern.search(path.read_text()) and "notifier" not in path.parts
    }
    # The demo counts them, a proof ends leases on the copy that it works on; the ledger shows them,
    # and makes ready what is to be sent again.
    found = {name for name in found if not name.startswith(("services/demo", "services/chaos"))}
    assert found == {"services/intake/delivery_ledger.py"}


@pytest.mark.parametrize("mode", ["embedded"], indirect=True)
def test_every_list_has_one_actor_bound_by_one_service(
    mode: Mode, runtime: Runtime, start_host: Callable[..., WorkerHost]
) -> None:
    host = start_host(runtime, ("intake", "router", "notifier"))
    services = host._services
    handled = Counter(bound.runner.name for service in services for bound in service.lists)
    assert handled == Counter(ListName)
    assert set(ACTORS) == set(ListName)
    assert len(set(ACTORS.values())) == len(ACTORS)
    assert {actor.queue_name: actor.actor_name for actor in host._broker.actors.values()} == {
        name.value: actor for name, actor in ACTORS.items()
    }
    for service in services:
        for bound in service.lists:
            assert ACTORS[bound.runner.name].startswith(f"{service.name}.")


@pytest.mark.parametrize("mode", ["embedded"], indirect=True)
def test_building_a_service_opens_nothing(mode: Mode, runtime: Runtime) -> None:
    """So that whoever builds one and does not start it has nothing to close."""
    before = len(list(Path("/proc/self/fd").iterdir()))
    services = [router.build(runtime), notifier.build(runtime), intake.build_worker(runtime)]
    after = len(list(Path("/proc/self/fd").iterdir()))
    for service in services:
        for engine in service.engines:
            engine.stop(1)
            loop = getattr(engine, "_loop", None)
            if loop is not None:
                loop.close()
    assert after == before
