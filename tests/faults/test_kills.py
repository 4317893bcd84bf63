"""Whatever dies in the middle of a thousand tickets, nothing is lost and nothing done twice.

The long form of what `test_failpoints` and `test_nemeses` do at a smaller scale.
"""

from collections.abc import Callable
from time import monotonic

import pytest

from deploy.local import Servers
from tests.faults.conftest import Note
from tests.faults.desk import Desk
from tests.faults.load import Run, Strike
from tests.faults.proof import prove

TICKETS = 1_000

KINDS = ("intake", "router", "notifier", "RabbitMQ")

pytestmark = pytest.mark.xdist_group("faults-kills")


@pytest.fixture(autouse=True)
def long_form(rounds: int) -> None:
    if rounds == 1:
        pytest.skip("a thousand tickets for each: only in the long form")


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
    rounds: int,
    seed: int,
    note: Note,
) -> None:
    run = Run(desk, seed)
    servers.rabbitmq.flush_definitions()
    for _ in range(rounds):
        run.post(TICKETS, [strike(kind) for kind in KINDS])
    prove(run, note, *((f"{kind} killed, all at once", rounds) for kind in KINDS))
