"""A notifier that stands still longer than its leases: another delivers, and it comes too late."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select

from shared.db.models import Delivery
from shared.db.models.base import table
from shared.waiting import wait_until
from tests.faults.conftest import Note
from tests.faults.desk import Desk
from tests.faults.load import Run
from tests.faults.processes import ServiceProcess
from tests.faults.proof import REST_DEADLINE_S, prove

TICKETS, IN_FLIGHT = 40, 10
PAUSE_S, PATIENCE_S = 0.5, 30.0
TRIES, SETTLED_S = 10, 1.0

pytestmark = pytest.mark.xdist_group("faults-others")


def test_what_a_frozen_notifier_says_too_late_changes_nothing(
    build_desk: Callable[..., Desk], seed: int, note: Note
) -> None:
    with build_desk({"PATCHBAY_WEBHOOK_TIMEOUT_S": "30"}).open() as desk:
        desk.subscriber.pause_s = PAUSE_S
        run, frozen = Run(desk, seed), desk.processes["notifier"]
        run.post(TICKETS)
        assert wait_until(lambda: len(desk.subscriber.arrivals) >= IN_FLIGHT, PATIENCE_S)
        told_before = told(desk)
        freeze_between_transactions(desk, frozen)
        # As if the time of the leases had passed; whoever holds them cannot notice.
        desk.end_leases(deliveries=True)
        with desk.second("notifier"):
            assert wait_until(lambda: not desk.left(), REST_DEADLINE_S), desk.left()
            before = deliveries(desk)
            frozen.thaw()
            assert wait_until(lambda: told(desk) > told_before, PATIENCE_S), "it had nothing to say"
            assert deliveries(desk) == before
            note(f"{desk.subscribers.duplicates} webhooks came twice, under the same id")
            prove(run, note, ("notifier frozen past its leases", 1))


def freeze_between_transactions(desk: Desk, process: ServiceProcess) -> None:
    """Freeze a process that holds leases and no locks.

    In the middle of a transaction it would hold its rows until PostgreSQL ends that (60 s).
    """
    for _ in range(TRIES):
        process.freeze()
        if wait_until(lambda: not desk.open_transactions(), SETTLED_S):
            return
        process.thaw()
    pytest.fail("it was in a transaction each time")


def told(desk: Desk) -> float:
    """Return how many outcomes the notifier has recorded, or believes to have."""
    return desk.processes["notifier"].metric(
        "patchbay_deliveries_total", channel="webhook", outcome="Delivered"
    )


def deliveries(desk: Desk) -> list[Any]:
    columns = table(Delivery).c
    query = select(columns.id, columns.work_state, columns.attempts, columns.finished_at)
    with desk._database.reading() as connection:
        return connection.execute(query.order_by(columns.id)).all()
