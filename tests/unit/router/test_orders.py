"""Orders: which ticket a free agent takes first, and that none waits for ever."""

import heapq
from datetime import datetime, timedelta
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.router.model import Context, Performance
from services.router.orders import Order, Waiting, savable
from services.router.orders.earliest_deadline import EarliestDeadline
from services.router.orders.first_come import FirstCome
from services.router.orders.generalised_cmu import GeneralisedCmu
from services.router.orders.priority_ageing import PriorityAgeing
from shared.domain.ticket import Priority
from tests.factories import NOW
from tests.routing import CONTEXT, waiting

ORDERS = [EarliestDeadline(), FirstCome(), GeneralisedCmu(), GeneralisedCmu(k=4), PriorityAgeing()]
HOUR_S = 3600.0


def first(order: Order, *tickets: Waiting, context: Context = CONTEXT) -> Waiting:
    return min(tickets, key=lambda ticket: order.key(ticket, context))


@pytest.mark.parametrize("order", ORDERS)
@given(
    priority=st.sampled_from(Priority),
    target_s=st.floats(60, 1e6),
    handling_s=st.floats(0, 1e4),
    age_s=st.floats(0, 1e7),
    older_by_s=st.floats(1e-3, 1e6),
)
def test_the_older_of_two_alike_goes_first_unless_only_the_younger_is_savable(
    order: Order,
    priority: Priority,
    target_s: float,
    handling_s: float,
    age_s: float,
    older_by_s: float,
) -> None:
    times = {"target_s": target_s, "handling_s": handling_s}
    younger = waiting(1, priority, age_s=age_s, **times)
    older = waiting(2, priority, age_s=age_s + older_by_s, **times)
    if savable(older, NOW) == savable(younger, NOW):
        assert order.key(older, CONTEXT) <= order.key(younger, CONTEXT)


def test_first_come_looks_at_age_alone() -> None:
    old, urgent = waiting(1, Priority.LOW, age_s=9), waiting(2, Priority.CRITICAL, age_s=8)
    assert first(FirstCome(), old, urgent) == old


def test_earliest_deadline_goes_by_deadline_among_those_who_can_be_in_time() -> None:
    soon = waiting(1, Priority.LOW, age_s=0, target_s=600)
    later = waiting(2, Priority.CRITICAL, age_s=500, target_s=1800)
    assert first(EarliestDeadline(), soon, later) == soon


def test_what_cannot_be_in_time_any_more_lets_pass_what_can() -> None:
    late = waiting(1, age_s=HOUR_S, target_s=HOUR_S - 1)
    hopeless = waiting(2, age_s=HOUR_S - 60, target_s=HOUR_S, handling_s=300)
    in_time = waiting(3, age_s=0, target_s=HOUR_S, handling_s=300)
    assert first(EarliestDeadline(), late, hopeless, in_time) == in_time
    assert first(EarliestDeadline(), late, hopeless) == late
    assert first(EarliestDeadline(patience=0), late, in_time) == late, "plain EDF"


def test_a_step_of_priority_is_worth_so_many_hours() -> None:
    order = PriorityAgeing(hours_per_step=2)
    high = waiting(1, Priority.HIGH, age_s=HOUR_S)
    assert first(order, high, waiting(2, Priority.MEDIUM, age_s=2.9 * HOUR_S)) == high
    aged = waiting(3, Priority.MEDIUM, age_s=3.1 * HOUR_S)
    assert first(order, high, aged) == aged


def test_generalised_cmu_is_the_marginal_cost_times_the_rate() -> None:
    order = GeneralisedCmu(k=3, weights={"high": 5})
    ticket = waiting(1, Priority.HIGH, age_s=100, target_s=400, handling_s=50)
    index = 5 * 3 * 100**2 / 400**3 / 50
    assert order.key(ticket, CONTEXT)[0] == pytest.approx(-index)
    unnamed = waiting(1, Priority.LOW, age_s=100, target_s=400, handling_s=50)
    assert order.key(unnamed, CONTEXT)[0] == pytest.approx(-index / 5)


def test_generalised_cmu_without_weights_goes_by_the_share_of_the_target_and_the_work() -> None:
    order = GeneralisedCmu()
    half = waiting(1, Priority.LOW, age_s=50, target_s=100, handling_s=10)
    third = waiting(2, Priority.CRITICAL, age_s=100, target_s=300, handling_s=10)
    assert first(order, half, third) == half
    quick = waiting(3, Priority.CRITICAL, age_s=100, target_s=300, handling_s=5)
    assert first(order, half, quick) == quick


def test_generalised_cmu_takes_what_is_usual_where_a_ticket_says_nothing() -> None:
    usual = Context(NOW, usual={"": Performance(tickets=9, handling_s=60)})
    unknown, short = waiting(1, age_s=100), waiting(2, age_s=100, handling_s=600)
    assert first(GeneralisedCmu(), unknown, short, context=usual) == unknown
    assert first(GeneralisedCmu(), unknown, short) == short


@pytest.mark.parametrize(
    ("order", "options"),
    [
        (GeneralisedCmu, {"k": 1.5}),
        (GeneralisedCmu, {"k": float("nan")}),
        (GeneralisedCmu, {"weights": {"urgent": 2}}),
        (GeneralisedCmu, {"weights": {"low": 0}}),
        (PriorityAgeing, {"hours_per_step": 0}),
        (PriorityAgeing, {"hours_per_step": float("inf")}),
        (GeneralisedCmu, {"weights": {"high": float("inf")}}),
        (EarliestDeadline, {"patience": -1}),
        (EarliestDeadline, {"patience": float("nan")}),
    ],
)
def test_options_that_make_no_sense_are_refused(order: Any, options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"must|names"):
        order(**options)


# No class starves. One agent, `WORK_S` for each ticket; urgent tickets come without end, and one
# low ticket is there from the beginning.

WORK_S = 60.0
URGENT_TARGET_S = 600.0
LOW_TARGET_S = 7200.0
STEP_H = 0.5


class StrictPriority(Order):
    """What the others are compared with: rank, then age."""

    name: ClassVar[str] = "strict_priority"

    def key(self, ticket: Waiting, context: Context) -> tuple[float, ...]:
        return (ticket.priority.rank, ticket.created_at.timestamp())


def wait_of_the_low_ticket(order: Order, *, every_s: float, backlog: int, until_s: float) -> float:
    """Return after how many seconds the low ticket is begun; infinite if not before the end.

    `backlog` urgent tickets are there at the start, and another one comes each `every_s`.
    """

    def ticket(at_s: float, priority: Priority, target_s: float) -> Waiting:
        at = NOW + timedelta(seconds=at_s)
        return Waiting(f"{priority}{at_s}", priority, at, at + timedelta(seconds=target_s), WORK_S)

    low = ticket(0, Priority.LOW, LOW_TARGET_S)
    queue = [ticket(0, Priority.CRITICAL, URGENT_TARGET_S) for _ in range(backlog)]
    queue.append(low)
    events = [(every_s * n, n, "arrives") for n in range(1, int(until_s / every_s))]
    events.append((0.0, len(events) + 1, "is free"))
    heapq.heapify(events)
    while events:
        now_s, number, what = heapq.heappop(events)
        if what == "arrives":
            queue.append(ticket(now_s, Priority.CRITICAL, URGENT_TARGET_S))
            continue
        now: datetime = NOW + timedelta(seconds=now_s)
        taken = min(queue, key=lambda waiting: order.key(waiting, Context(now)))
        if taken is low:
            return now_s
        queue.remove(taken)
        heapq.heappush(events, (now_s + WORK_S, number, "is free"))
        if now_s > until_s:
            break
    return float("inf")


def tickets_before(key_s: float, head_start_s: float, every_s: float, backlog: int) -> float:
    """The work of all urgent tickets whose key can be below the low one's: an upper bound.

    A key is the time of creation plus a constant for each class, so only what was created before
    the low ticket's key less the head start goes before it; the agent never rests.
    """
    return WORK_S * (backlog + max(0.0, key_s - head_start_s) / every_s + 1)


#: Urgent tickets that fill the agent exactly, each waiting 5 minutes of its 10; and a quarter more
#: than the agent can do.
FLOWS = {"full": (WORK_S, 5), "overloaded": (WORK_S * 0.8, 5)}


@pytest.mark.parametrize("flow", FLOWS)
@pytest.mark.parametrize(
    ("order", "key_s", "head_start_s"),
    [
        (EarliestDeadline(patience=2), 3 * LOW_TARGET_S, URGENT_TARGET_S),
        (PriorityAgeing(hours_per_step=STEP_H), 3 * STEP_H * HOUR_S, 0.0),
        (FirstCome(), 0.0, 0.0),
    ],
    ids=["earliest_deadline", "priority_ageing", "first_come"],
)
def test_a_low_ticket_waits_no_longer_than_the_work_that_can_go_before_it(
    flow: str, order: Order, key_s: float, head_start_s: float
) -> None:
    every_s, backlog = FLOWS[flow]
    bound_s = tickets_before(key_s, head_start_s, every_s, backlog)
    assert bound_s <= 8 * HOUR_S
    waited_s = wait_of_the_low_ticket(order, every_s=every_s, backlog=backlog, until_s=9 * HOUR_S)
    assert waited_s <= bound_s


def test_with_generalised_cmu_a_low_ticket_waits_for_the_urgents_share_of_its_target() -> None:
    every_s, backlog = FLOWS["full"]
    share = (backlog + 1) * WORK_S / URGENT_TARGET_S
    bound_s = share * LOW_TARGET_S + WORK_S
    waited_s = wait_of_the_low_ticket(
        GeneralisedCmu(), every_s=every_s, backlog=backlog, until_s=9 * HOUR_S
    )
    assert bound_s / 2 < waited_s <= bound_s
    weighed = GeneralisedCmu(weights={"critical": 4, "low": 4})
    with_weights_s = (
        LOW_TARGET_S**2 / URGENT_TARGET_S**2 * (backlog + 1) * WORK_S + WORK_S
    )  # 14.4 h: the ratio of targets, squared
    assert with_weights_s > 2 * bound_s
    assert (
        wait_of_the_low_ticket(weighed, every_s=every_s, backlog=backlog, until_s=20 * HOUR_S)
        <= with_weights_s
    )


@pytest.mark.parametrize("flow", FLOWS)
def test_strict_priority_without_ageing_would_never_serve_it(flow: str) -> None:
    every_s, backlog = FLOWS[flow]
    waited_s = wait_of_the_low_ticket(
        StrictPriority(), every_s=every_s, backlog=backlog, until_s=24 * HOUR_S
    )
    assert waited_s == float("inf")
