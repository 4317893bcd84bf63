"""A RabbitMQ of three nodes with quorum queues, whose leader is killed under load, ten times."""

from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic

import pytest

from deploy.local.rabbitmq_cluster import RabbitMQCluster
from shared.domain.work import ListName
from shared.waiting import wait_until
from tests.faults.conftest import Note
from tests.faults.desk import Desk
from tests.faults.load import Run, Strike
from tests.faults.proof import prove
from tests.faults.proxy import Proxy

KILLS, TICKETS = 10, 100
PATIENCE_S = 60.0

pytestmark = pytest.mark.xdist_group("faults-cluster")


@pytest.fixture
def cluster(tmp_path: Path, rounds: int) -> Iterator[RabbitMQCluster]:
    if rounds == 1:
        pytest.skip("three nodes take half a minute to start: only in the long form")
    cluster = RabbitMQCluster(tmp_path / "cluster")
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.remove()


def test_killing_the_leader_of_a_cluster_pauses_doorbells_and_loses_nothing(
    cluster: RabbitMQCluster, build_desk: Callable[..., Desk], seed: int, note: Note
) -> None:
    pauses: list[float] = []
    with Proxy(*(node.port for node in cluster)) as balancer:
        made = build_desk({"PATCHBAY_QUEUE_TYPE": "quorum"}, rabbitmq_port=balancer.port)
        with made.open() as desk:
            run = Run(desk, seed)
            run.post_until_doorbells()
            for _ in range(KILLS):
                run.post(TICKETS, [leader_killed(cluster, desk, pauses)])
                run.post_until_doorbells()
            listed = ", ".join(f"{pause:.1f}" for pause in pauses)
            note(f"doorbells paused for {listed} s")
            prove(run, note, ("leader of a RabbitMQ cluster killed", KILLS))


def leader_killed(cluster: RabbitMQCluster, desk: Desk, pauses: list[float]) -> Strike:
    """Kill who leads the router's queue; the pause is until the router hears a doorbell again."""
    leader = cluster.leader(ListName.ROUTING.value)
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
