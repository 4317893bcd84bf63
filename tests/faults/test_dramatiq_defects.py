"""Known defects of Dramatiq on RabbitMQ, provoked against a running desk: nothing lost or doubled.

Each loses messages or runs them twice in a stock installation (Dramatiq 2.2, pika 1.4). What is
lost or doubled here is a doorbell; the work is in the database. A broker that stands still is in
`test_broker_away`; what the transport does by itself is in `tests/contract`.
"""

import pika
import pytest

from shared.domain.work import ListName
from shared.failpoints import strikes
from shared.messaging.amqp import connection_parameters
from shared.waiting import wait_until
from tests.faults.conftest import Note
from tests.faults.load import Run
from tests.faults.nemeses import Stage
from tests.faults.proof import prove

TICKETS = 60
PATIENCE_S = 30.0
#: Longer than a consumer takes to connect again (1 s).
HELD_UP_S = 2.0

pytestmark = pytest.mark.xdist_group("faults-others")


def hold_up_the_router(stage: Stage) -> None:
    """Let the router's next batches take longer than a reconnect, with doorbells prefetched."""
    log = stage.clock.with_name("strikes")
    armed = f"router.bound=sleep:{HELD_UP_S:g},times 2"
    settings = {"PATCHBAY_FAILPOINTS": armed, "PATCHBAY_FAILPOINTS_LOG": str(log)}
    stage.desk.rearm(settings, "router")
    stage.desk.restart("router")


def await_the_router(stage: Stage) -> None:
    """Wait until the router is in the middle of a batch."""
    assert wait_until(lambda: bool(strikes(stage.clock.with_name("strikes"))), PATIENCE_S)


def test_an_ack_after_a_reconnect_acks_nothing_that_is_not_done(
    stage: Stage, seed: int, note: Note
) -> None:
    """A batch ends after its channel is gone, and its worker dies with what the new one brought."""
    run = Run(stage.desk, seed)
    hold_up_the_router(stage)
    run.post(TICKETS // 3)
    await_the_router(stage)
    stage.broker.reset()
    run.post(TICKETS // 3)
    heard = stage.desk.doorbells_heard()["router"]
    run.post(TICKETS // 3)
    assert wait_until(lambda: stage.desk.doorbells_heard()["router"] > heard, PATIENCE_S)
    stage.desk.processes["router"].kill()
    stage.desk.restart("router")
    prove(run, note, ("ack after a reconnect", 1))


def test_prefetched_copies_that_run_twice_bind_a_ticket_once(
    stage: Stage, seed: int, note: Note
) -> None:
    """Doorbells that one router had are brought to another, and both look."""
    run = Run(stage.desk, seed)
    hold_up_the_router(stage)
    with stage.desk.second("router"):
        run.post(TICKETS // 2)
        await_the_router(stage)
        stage.broker.reset()
        run.post(TICKETS // 2)
        prove(run, note, ("prefetched copies run twice", 1))


def test_a_ring_for_a_queue_that_is_gone_makes_it_anew(stage: Stage, seed: int, note: Note) -> None:
    run = Run(stage.desk, seed)
    run.post_until_doorbells()
    connection = pika.BlockingConnection(connection_parameters(stage.servers.rabbitmq.url))
    for name in (ListName.ROUTING, ListName.EVENTS):
        connection.channel().queue_delete(name.value)
    connection.close()
    run.post(TICKETS)
    note(f"doorbells heard {run.post_until_doorbells():.1f} s after the queues were deleted")
    prove(run, note, ("queues deleted", 1))
