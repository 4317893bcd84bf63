"""Whatever dies in the middle of a thousand tickets, nothing is lost and nothing done twice."""

from collections.abc import Callable, Sequence
from time import monotonic

import pytest

from deploy.local import Servers
from tests.faults.conftest import Note
from tests.faults.desk import Desk
from tests.faults.load import Run, Strike
from tests.faults.proof import prove

TICKETS, MORE_TICKETS = 1_000, 200

KINDS = ("intake", "router", "notifier", "RabbitMQ")

pytestmark = pytest.mark.xdist_group("faults-kills")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Kill all kinds in the same run; in the long form also each of them by itself."""
    if "kinds" in metafunc.fixturenames:
        cases: list[tuple[str, ...]] = [KINDS]
        if metafunc.config.getoption("--rounds", 1) > 1:
            cases += [(kind,) for kind in KINDS]
        metafunc.parametrize("kinds", cases, ids="+".join)


@pytest.fixture
def strike(desk: Desk, servers: Servers, note: Note) -> Callable[[str], Strike]:
    """Return how to kill each kind, and how to start it again."""

    def build(kind: str) -> Strike:
        rabbitmq = servers.rabbitmq
        kill = rabbitmq.kill if kind == "RabbitMQ" else desk.processes[kind].kill

        def begin() -> None:
            kill()
            note(f"{kind} killed, left to do: {desk.left()}")

        def mend() -> None:
            began = monotonic()
            rabbitmq.start() if kind == "RabbitMQ" else desk.restart(kind)
            note(f"{kind} ready again after {monotonic() - began:.1f} s")

        return Strike(begin, mend)

    return build


def test_killing_any_process_or_the_broker_loses_nothing_and_does_nothing_twice(
    desk: Desk,
    servers: Servers,
    strike: Callable[[str], Strike],
    kinds: Sequence[str],
    rounds: int,
    seed: int,
    note: Note,
) -> None:
    run = Run(desk, seed)
    servers.rabbitmq.flush_definitions()
    for _ in range(rounds):
        run.post(TICKETS, [strike(kind) for kind in kinds])
    prove(run, note)


def test_a_wiped_broker_loses_nothing_and_gets_its_queues_back(
    desk: Desk, servers: Servers, rounds: int, seed: int, note: Note
) -> None:
    run = Run(desk, seed)
    for _ in range(rounds):
        run.post(MORE_TICKETS, [Strike(servers.rabbitmq.kill, servers.rabbitmq.wipe)])
        note(f"doorbells heard {run.post_until_doorbells():.1f} s after the run")
    prove(run, note)


def test_a_killed_database_loses_nothing_that_was_answered(
    desk: Desk, servers: Servers, rounds: int, seed: int, note: Note
) -> None:
    run = Run(desk, seed)
    for _ in range(rounds):
        run.post(2 * MORE_TICKETS, [Strike(servers.postgres.kill, servers.postgres.start)])
    prove(run, note)
