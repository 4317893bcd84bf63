"""The pooled replay bound: no policy starts sooner, with and without shifts."""

from itertools import accumulate
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.router.simulation.theory.erlang import DelaySystem
from services.router.simulation.theory.errors import LabError, Unservable
from services.router.simulation.theory.pooled_replay import (
    Shift,
    pooled_replay,
    pooled_replay_with_shifts,
)

times = st.lists(st.integers(0, 12), min_size=1, max_size=7).map(sorted)
services = st.lists(st.integers(0, 9), min_size=7, max_size=7)
shift_lists = st.lists(
    st.tuples(st.integers(0, 10), st.integers(1, 9)).map(lambda s: Shift(s[0], s[0] + s[1])),
    max_size=4,
).map(lambda shifts: [Shift(0, 1000), *shifts])


def starts_of_a_policy(
    arrivals: list[int], drawn: list[int], shifts: list[Shift], chance: Random
) -> list[tuple[float, float]]:
    """Let agents start any waiting ticket at will; the k-th start takes the k-th service time.

    Returns (arrival, start) by start. Who begins a ticket in a shift may finish it later.
    """
    busy_until = [0.0] * len(shifts)
    waiting = list(arrivals)
    done: list[tuple[float, float]] = []
    time = 0
    while waiting:
        for agent in chance.sample(range(len(shifts)), len(shifts)):
            on_shift = shifts[agent].start <= time < shifts[agent].end
            arrived = [arrival for arrival in waiting if arrival <= time]
            lazy = chance.random() < 0.15 and time < 100
            if arrived and on_shift and busy_until[agent] <= time and not lazy:
                chosen = chance.choice(arrived)
                waiting.remove(chosen)
                busy_until[agent] = time + drawn[len(done)]
                done.append((chosen, time))
        time += 1
    return done


@settings(max_examples=400)
@given(times, services, shift_lists, st.integers(0, 99))
def test_no_policy_starts_its_next_ticket_sooner(
    arrivals: list[int], drawn: list[int], shifts: list[Shift], seed: int
) -> None:
    chance = Random(seed)
    floor = pooled_replay_with_shifts(arrivals, drawn, shifts)
    for _ in range(5):
        policy = starts_of_a_policy(arrivals, drawn, shifts, chance)
        for (_, start), earliest in zip(policy, floor.starts, strict=True):
            assert earliest <= start
        wait = sum(start - arrival for arrival, start in policy) / len(policy)
        assert floor.mean_wait <= wait + 1e-9


@given(times, services, st.integers(1, 4))
def test_shifts_without_end_are_a_constant_number(
    arrivals: list[int], drawn: list[int], servers: int
) -> None:
    shifts = [Shift(float("-inf"), float("inf"))] * servers
    constant = pooled_replay(arrivals, drawn, servers)
    assert pooled_replay_with_shifts(arrivals, drawn, shifts) == constant
    assert pooled_replay(arrivals, drawn, servers + 1).mean_wait <= constant.mean_wait


def test_a_plain_queue_is_replayed() -> None:
    floor = pooled_replay([0, 1, 2], [3, 3, 3], 1)
    assert floor.starts == (0, 3, 6)
    assert floor.mean_wait == pytest.approx(2)


def test_who_leaves_takes_the_longest_job_along_even_if_others_are_idle() -> None:
    """A policy may give the long job to who leaves; an idle other then takes the next ticket."""
    shifts = [Shift(0, 1), Shift(0, 100)]
    assert pooled_replay_with_shifts([0, 2], [10, 1], shifts).starts == (0, 2)


def test_a_hand_over_brings_a_fresh_server() -> None:
    assert pooled_replay_with_shifts([0, 2], [10, 1], [Shift(0, 1), Shift(1, 9)]).starts == (0, 2)


def test_nobody_starts_at_the_end_of_a_shift() -> None:
    shifts = [Shift(0, 5), Shift(8, 9)]
    assert pooled_replay_with_shifts([5], [1], shifts).starts == (8,)


def test_random_arrivals_come_close_to_erlang() -> None:
    chance = Random(11)
    count = 200_000
    arrivals = list(accumulate(chance.expovariate(8.0) for _ in range(count)))
    drawn = [chance.expovariate(1.0) for _ in range(count)]
    floor = pooled_replay(arrivals, drawn, 10)
    assert floor.mean_wait == pytest.approx(DelaySystem(8, 1, 10).mean_wait, rel=0.05)


def test_what_cannot_be_replayed_is_refused() -> None:
    with pytest.raises(LabError, match="Arrivals must ascend"):
        pooled_replay([2, 1], [1, 1], 1)
    with pytest.raises(LabError, match="2 arrivals and 1 service times"):
        pooled_replay([1, 2], [1], 1)
    with pytest.raises(LabError, match="negative"):
        pooled_replay([1], [-1], 1)
    with pytest.raises(Unservable, match="no server"):
        pooled_replay([1], [1], 0)
    with pytest.raises(Unservable, match="Nobody is on shift for the ticket that arrives at 7"):
        pooled_replay_with_shifts([7], [1], [Shift(0, 7)])
