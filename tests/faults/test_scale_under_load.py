"""Processes come and go under load, one to four to one of each kind, and nobody notices."""

from collections.abc import Callable, Iterator
from functools import partial
from time import monotonic

import psutil
import pytest
from sqlalchemy.engine import make_url

from shared.waiting import wait_until
from tests.faults.conftest import Note
from tests.faults.desk import Desk
from tests.faults.load import Run
from tests.faults.processes import DEADLINE_S, ServiceProcess
from tests.faults.proof import prove

MOST, INTERVAL_S, TICKETS = 4, 0.04, 40
POOL_SIZE, SHUTDOWN_S = 6, 6
#: Beyond PATCHBAY_SHUTDOWN_TIMEOUT_S, as docs/operations.md#shutdown says.
MARGIN_S = 5.0
#: As docs/operations.md#what-a-process-needs says.
BROKER_CONNECTIONS = {"intake": 3, "router": 7, "notifier": 4}
MEMORY_MB = {"intake": 190, "router": 115, "notifier": 130}
#: Here every process is a fork of the nursery, which has imported the other services, too.
IMPORTED_MB = 30
SETTINGS = {
    "PATCHBAY_DATABASE_POOL_SIZE": str(POOL_SIZE),
    "PATCHBAY_SHUTDOWN_TIMEOUT_S": str(SHUTDOWN_S),
}

pytestmark = pytest.mark.xdist_group("faults-scale")


@pytest.fixture
def desk(build_desk: Callable[..., Desk]) -> Iterator[Desk]:
    with build_desk(SETTINGS).open() as desk:
        yield desk


def test_from_one_of_each_kind_to_four_and_back_nothing_is_lost_and_nothing_refused(
    desk: Desk, rounds: int, seed: int, note: Note
) -> None:
    run, ended = Run(desk, seed), []
    # Clients who keep their connection, and such as come anew for each ticket.
    with run.going_on(INTERVAL_S, 2), run.going_on(INTERVAL_S, 2, fresh=True):
        for _ in range(rounds):
            began = monotonic()
            more = [desk.add(name) for name in desk.processes for _ in range(MOST - 2)]
            # The first of each kind goes too: whoever stays has come under load.
            ended += [desk.replace(name) for name in desk.processes]
            for process in more:
                process.await_serving()
            note(f"{MOST} of each after {monotonic() - began:.1f} s")
            wanted = len(run.accepted) + TICKETS
            assert wait_until(partial(run.has_accepted, wanted), DEADLINE_S)
            for process in (*desk.processes.values(), *more):
                within_its_limits(process, note)
            ended += [process.end() for process in more]
    note(f"{len(ended)} processes ended, each within {max(ended):.1f} s")
    assert max(ended) < SHUTDOWN_S + MARGIN_S
    assert not run.turned_away, run.troubles
    note(f"{run.reset_anew} new connections were reset")
    prove(run, note, (f"one to {MOST} processes of each kind and back", rounds))


def within_its_limits(process: ServiceProcess, note: Note) -> None:
    """Show that a process under load has no more connections and memory than is said of it."""
    database, broker = (
        make_url(process.settings[f"PATCHBAY_{name}_URL"]).port for name in ("DATABASE", "BROKER")
    )
    family = [psutil.Process(member.pid) for member in process.family()]
    peers = [
        connection.raddr.port
        for member in family
        for connection in member.net_connections("tcp")
        if connection.raddr
    ]
    threads = sum(member.num_threads() for member in family)
    # Of one process all that is resident; of several, which share much, the proportional part.
    alone = len(family) == 1
    memory = [member.memory_full_info() for member in family]
    megabytes = sum(each.rss if alone else each.pss for each in memory) / 1e6
    note(
        f"{process.name}: {peers.count(database)} connections to the database, "
        f"{peers.count(broker)} to the broker, {threads} threads, {megabytes:.0f} MB"
    )
    assert 0 < peers.count(database) <= POOL_SIZE
    assert 0 < peers.count(broker) <= BROKER_CONNECTIONS[process.name]
    assert megabytes <= MEMORY_MB[process.name] + IMPORTED_MB
