"""A RabbitMQ of three nodes with quorum queues, whose leader gets into trouble under load."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from time import monotonic

import pytest

from deploy.local import ControlFailed
from deploy.local.rabbitmq_cluster import NET_TICK_S, ClusterNode, RabbitMQCluster
from shared.domain.work import ListName
from shared.waiting import wait_until
from tests.faults.conftest import Note
from tests.faults.desk import Desk
from tests.faults.load import Run, Strike
from tests.faults.proof import prove
from tests.faults.proxy import Proxy

KILLS, TICKETS = 10, 100
PATIENCE_S = 60.0
INTERVAL_S = 0.1
JOINS_WITHIN_S = 60
#: Shorter than anybody's patience, and longer than that of the other nodes and of our heartbeats
#: (10 s, twice).
BRIEFLY_S, LONG_S = 4.0, max(25.0, 2 * NET_TICK_S)
QUEUE = ListName.ROUTING.value

pytestmark = pytest.mark.xdist_group("faults-cluster")


@pytest.fixture(scope="module")
def cluster(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RabbitMQCluster]:
    if request.config.getoption("--rounds", 1) == 1:
        pytest.skip("three nodes take half a minute to start: only in the long form")
    cluster = RabbitMQCluster(tmp_path_factory.mktemp("faults") / "cluster")
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.remove()


@pytest.fixture
def desk(cluster: RabbitMQCluster, build_desk: Callable[..., Desk]) -> Iterator[Desk]:
    """A desk whose balancer knows which nodes take connections, and no more of them."""
    with Proxy(*(node.port for node in cluster)) as balancer:
        made = build_desk({"PATCHBAY_QUEUE_TYPE": "quorum"}, rabbitmq_port=balancer.port)
        with made.open() as opened:
            yield opened


def test_killing_the_leader_of_a_cluster_pauses_doorbells_and_loses_nothing(
    cluster: RabbitMQCluster, desk: Desk, seed: int, note: Note
) -> None:
    pauses: list[float] = []
    run = Run(desk, seed)
    run.post_until_doorbells()
    for _ in range(KILLS):
        run.post(TICKETS, [leader_killed(cluster, desk, pauses)])
        run.post_until_doorbells()
    note(f"doorbells paused for {_listed(pauses)} s")
    prove(run, note, ("leader of a RabbitMQ cluster killed", KILLS))


def leader_killed(cluster: RabbitMQCluster, desk: Desk, pauses: list[float]) -> Strike:
    """Kill who leads the router's queue; the pause is until the router hears a doorbell again."""
    leader = cluster.leader(QUEUE)
    began = heard = 0.0

    def begin() -> None:
        nonlocal began, heard
        leader.kill()
        began, heard = monotonic(), desk.doorbells_heard()["router"]

    def mend() -> None:
        assert wait_until(lambda: desk.doorbells_heard()["router"] > heard, PATIENCE_S)
        pauses.append(monotonic() - began)
        leader.start()
        leader.control("await_startup")

    return Strike(begin, mend)


@dataclass(frozen=True, slots=True)
class Trouble:
    """What happens to the leader and passes; `deposed` if it must have lost its place by then."""

    begin: Callable[[RabbitMQCluster, ClusterNode], None]
    end: Callable[[RabbitMQCluster, ClusterNode], None]
    lasts_s: float
    deposed: bool


def _froze(lasts_s: float, *, deposed: bool) -> Trouble:
    return Trouble(
        lambda _, leader: leader.freeze(), lambda _, leader: leader.thaw(), lasts_s, deposed
    )


TROUBLES = {
    "frozen": _froze(BRIEFLY_S, deposed=False),
    "frozen past the net tick": _froze(LONG_S, deposed=True),
    "cut off from the others": Trouble(
        lambda cluster, leader: leader.cut_off(cluster.others(leader)),
        lambda cluster, leader: leader.join(cluster.others(leader)),
        LONG_S,
        deposed=True,
    ),
}


@pytest.mark.parametrize("what", TROUBLES)
def test_a_leader_that_stands_still_or_alone_pauses_doorbells_and_loses_nothing(
    cluster: RabbitMQCluster, desk: Desk, what: str, rounds: int, seed: int, note: Note
) -> None:
    run = Run(desk, seed)
    run.post_until_doorbells()
    with run.going_on(INTERVAL_S, 2):
        pauses = []
        for _ in range(rounds):
            leader = cluster.leader(QUEUE)
            pauses.append(_pause(cluster, leader, desk, TROUBLES[what]))
            if not _whole(cluster):
                note("the leader of before came back by a restart only")
                leader.restart()
                cluster.await_whole()
    run.post_until_doorbells()
    note(f"doorbells paused for {_listed(pauses)} s")
    prove(run, note, (f"leader of a RabbitMQ cluster {what}", rounds))


def _whole(cluster: RabbitMQCluster) -> bool:
    """Whether the nodes find each other again by themselves.

    One that stood still for longer than the net tick may be connected and yet partitioned in Mnesia
    (rabbitmq-server, issue 17319).
    """
    try:
        cluster.await_whole(JOINS_WITHIN_S)
    except ControlFailed:
        return False
    return True


def _pause(cluster: RabbitMQCluster, leader: ClusterNode, desk: Desk, trouble: Trouble) -> float:
    """Let the leader be in trouble for a while; return the longest silence, in seconds."""
    ear, began = Ear(desk), monotonic()
    trouble.begin(cluster, leader)
    try:
        ear.listen_until(lambda: monotonic() > began + trouble.lasts_s)
        if trouble.deposed:
            for other in cluster.others(leader):
                assert other.leader(QUEUE) not in (leader.node, "nobody"), "nobody took its place"
    finally:
        trouble.end(cluster, leader)
    heard = ear.heard
    ear.listen_until(lambda: ear.heard > heard)
    if not trouble.deposed:
        assert ear.longest_s > trouble.lasts_s - 1, "it held nothing up"
    return ear.longest_s


class Ear:
    """Hears how long the router hears no doorbell."""

    def __init__(self, desk: Desk) -> None:
        self.heard, self.longest_s = 0.0, 0.0
        self._desk, self._last = desk, monotonic()

    def listen_until(self, over: Callable[[], bool]) -> None:
        """Listen; raises AssertionError if it is not over in time."""

        def listened() -> bool:
            heard, now = self._desk.doorbells_heard()["router"], monotonic()
            self.longest_s = max(self.longest_s, now - self._last)
            if heard > self.heard:
                self.heard, self._last = heard, now
            return over()

        assert wait_until(listened, PATIENCE_S), "no doorbell came through"


def _listed(pauses: list[float]) -> str:
    return ", ".join(f"{pause:.1f}" for pause in pauses)
