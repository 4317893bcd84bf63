"""Notifiers that die between sending and recording, in fifty rounds: the claims make up for it.

The processes are played by hand and the moments chosen by chance, so what takes minutes with real
ones (`tests/faults/test_notifier_kills.py`) takes a second here.
"""

from collections import Counter
from datetime import timedelta
from random import Random

from services.notifier.channels.base import Delivered
from shared.db.engine import Database
from shared.db.models import Delivery
from shared.db.models.base import table
from shared.domain.work import WorkState
from tests.endpoints import LEASE, Exchange, add_endpoint
from tests.factories import NOW, delivery
from tests.rows import rows

ROUNDS, TICKETS, EVENTS = 50, 25, 4


def test_whatever_dies_before_it_recorded_is_sent_again_with_the_same_id_and_in_order(
    database: Database,
) -> None:
    chance = Random(20261122)
    made = [
        delivery(receiver=endpoint, ticket_id=f"tkt_{ticket}", sequence=sequence, payload="{}")
        for endpoint in (add_endpoint(database), add_endpoint(database))
        for ticket in range(TICKETS)
        for sequence in range(1, EVENTS + 1)
    ]
    with database.transaction() as tx:
        tx.insert(table(Delivery), made)
    arrived: list[tuple[str, str, int, str]] = []
    now = NOW
    for _ in range(ROUNDS):
        exchange = Exchange(database)
        jobs = exchange.claim(now, limit=16)
        arrived += [
            (job.receiver, job.delivery["ticket_id"], job.delivery["sequence"], job.delivery["id"])
            for job in jobs
        ]
        dies_after = chance.randint(0, len(jobs))
        exchange.record([(job, Delivered(204, "HTTP 204")) for job in jobs[:dies_after]], now)
        now += chance.choice([timedelta(0), LEASE / 3, LEASE])
    while jobs := exchange.claim(now + LEASE, limit=64):
        arrived += [
            (job.receiver, job.delivery["ticket_id"], job.delivery["sequence"], job.delivery["id"])
            for job in jobs
        ]
        exchange.record([(job, Delivered(204, "HTTP 204")) for job in jobs], now + LEASE)
    assert {row["work_state"] for row in rows(database, Delivery)} == {WorkState.DONE}
    assert len({each[3] for each in arrived}) == 2 * TICKETS * EVENTS
    assert len(arrived) > 2 * TICKETS * EVENTS, "some came twice, or nothing was tried here"
    assert len({each[:3] for each in arrived}) == len({each[3] for each in arrived})
    reached: Counter[tuple[str, str]] = Counter()
    for receiver, ticket, sequence, _ in dict.fromkeys(arrived):
        assert sequence == reached[receiver, ticket] + 1
        reached[receiver, ticket] = sequence
