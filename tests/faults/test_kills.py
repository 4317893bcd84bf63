"""Whatever is killed in the middle of a thousand tickets: nothing is lost, nothing happens twice."""

import random
from time import monotonic

import pytest

from deploy.local import Servers
from tests.faults.conftest import Note
from tests.faults.desk import Desk
from tests.faults.load import Run, Strike

TICKETS = 1_000
MIDDLE = (300, 700)

pytestmark = pytest.mark.xdist_group("faults")


def prove(desk: Desk, run: Run, note: Note, began: float) -> None:
    """Wait for rest, then show that every promise was kept."""
    posted_s = monotonic() - began
    broken = desk.check(frozenset(run.accepted), frozenset(run.resolved))
    rest_s = monotonic() - began - posted_s
    waiting = sum(ticket.status == "new" for ticket in desk.facts().tickets)
    note(
        f"{len(run.accepted)} accepted in {posted_s:.1f} s ({run.tries} tries, the slowest "
        f"{run.slowest_s:.1f} s), {len(run.resolved)} resolved, {waiting} waiting, "
        f"{len(desk.subscriber.arrivals)} webhooks, {desk.subscriber.duplicates} of them "
        f"duplicates, at rest {rest_s:.1f} s after the last answer; errors logged: "
        f"{dict(desk.complaints())}"
    )
    assert not broken
    assert not desk.subscriber.refused


@pytest.mark.parametrize("victim", ["intake", "router", "notifier"])
def test_a_killed_process_loses_nothing_and_does_nothing_twice(
    desk: Desk, victim: str, rounds: int, seed: int, note: Note
) -> None:
    rng = random.Random(seed)
    run, began = Run(desk, seed), monotonic()
    for _ in range(rounds):

        def strike() -> None:
            desk.processes[victim].kill()
            note(f"{victim} killed, left to do: {desk.left()}")
            struck = monotonic()
            desk.restart(victim)
            note(f"{victim} ready again after {monotonic() - struck:.1f} s")

        run.post(TICKETS, Strike(rng.randint(*MIDDLE), strike))
    prove(desk, run, note, began)


def test_a_killed_and_then_wiped_broker_loses_nothing(
    desk: Desk, servers: Servers, rounds: int, seed: int, note: Note
) -> None:
    rng = random.Random(seed)
    run, began = Run(desk, seed), monotonic()
    servers.rabbitmq.flush_definitions()

    def crash() -> None:
        servers.rabbitmq.kill()
        servers.rabbitmq.start()

    for _ in range(rounds):
        for name, strike in {"killed": crash, "wiped": servers.rabbitmq.wipe}.items():
            run.post(TICKETS // 2, Strike(rng.randint(100, 300), strike))
            note(f"RabbitMQ {name}, left to do: {desk.left()}")
    prove(desk, run, note, began)


def test_a_killed_database_loses_nothing_that_was_answered(
    desk: Desk, servers: Servers, rounds: int, seed: int, note: Note
) -> None:
    rng = random.Random(seed)
    run, began = Run(desk, seed), monotonic()

    def crash() -> None:
        servers.postgres.kill()
        servers.postgres.start()

    for _ in range(rounds):
        run.post(TICKETS, Strike(rng.randint(*MIDDLE), crash))
    prove(desk, run, note, began)
