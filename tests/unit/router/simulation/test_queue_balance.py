"""The order `queue_balance`: the longest queue, by priority, with a bias; and what it is worth."""

from datetime import timedelta
from typing import Any

import pytest

from services.router.model import Context
from services.router.orders import Waiting
from services.router.orders.queue_balance import QueueBalance
from services.router.simulation.intervals import paired
from services.router.simulation.scenario import START
from shared.domain.ticket import Priority
from tests.unit.router.simulation.desks import FCFS_ALIS, simulate, system_x

NOW = Context(now=START)


def waiting(name: str, queued: int, age_h: float = 1.0, **changed: Any) -> Waiting:
    created_at = START - timedelta(hours=age_h)
    values = {"priority": Priority.MEDIUM, "due_at": created_at + timedelta(days=2), **changed}
    return Waiting(id=name, created_at=created_at, signature=name, queued=queued, **values)


def first(order: QueueBalance, *tickets: Waiting) -> str:
    return min(tickets, key=lambda ticket: order.key(ticket, NOW)).id


def test_the_longest_queue_goes_first() -> None:
    assert first(QueueBalance(), waiting("short", 2, age_h=9), waiting("long", 3)) == "long"


def test_of_equal_queues_the_oldest_goes_first() -> None:
    assert first(QueueBalance(), waiting("young", 2), waiting("old", 2, age_h=3)) == "old"


def test_a_bias_makes_up_for_a_shorter_queue() -> None:
    order = QueueBalance(bias={"short": 1.5})
    assert first(order, waiting("short", 2), waiting("long", 3)) == "short"


@pytest.mark.parametrize(
    ("options", "expected"), [({}, "urgent"), ({"by_priority": False}, "long")]
)
def test_priority_decides_first_unless_it_is_told_not_to(
    options: dict[str, Any], expected: str
) -> None:
    urgent = waiting("urgent", 1, priority=Priority.HIGH)
    assert first(QueueBalance(**options), urgent, waiting("long", 3)) == expected


def test_where_nobody_counts_queues_it_is_first_come_first_served() -> None:
    values = {"priority": Priority.LOW, "due_at": START}
    old = Waiting(id="old", created_at=START - timedelta(hours=2), **values)
    young = Waiting(id="young", created_at=START - timedelta(hours=1), **values)
    assert first(QueueBalance(), young, old) == "old"


def test_it_waits_less_than_first_come_on_the_reference_desk() -> None:
    profile = {"scorers": {"spare_skills": 1}, "order": "queue_balance"}
    balanced, plain = (
        [simulate(system_x(1500), document, seed).mean_wait_s for seed in range(12)]
        for document in (profile, FCFS_ALIS)
    )
    assert paired(balanced, plain).high < 0
