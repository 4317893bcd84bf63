"""The plan of strikes follows from the seed, and nobody is spared."""

import itertools
from collections import Counter

from services.chaos.schedule import LEAST_S, plan

PROCESSES, NEMESES = ["intake", "router", "notifier"], ["killed", "frozen"]


def test_the_same_seed_gives_the_same_plan_and_another_seed_another() -> None:
    planned = plan(1, 120, PROCESSES, NEMESES)
    assert planned == plan(1, 120, PROCESSES, NEMESES)
    assert planned != plan(2, 120, PROCESSES, NEMESES)


def test_every_process_gets_every_nemesis_before_any_gets_one_again() -> None:
    planned = plan(5, 300, PROCESSES, NEMESES)
    rounds = [planned[at : at + 6] for at in range(0, len(planned) - 5, 6)]
    assert len(rounds) > 3
    for each in rounds:
        assert set(Counter(strike.name for strike in each).values()) == {1}


def test_strikes_are_apart_and_within_the_run() -> None:
    moments = [strike.at_s for strike in plan(7, 60, PROCESSES, NEMESES)]
    assert all(b - a >= LEAST_S - 0.01 for a, b in itertools.pairwise(moments))
    assert moments[-1] < 60


def test_the_shortest_run_has_a_strike() -> None:
    assert len(plan(1, 0.1, ["serve"], NEMESES)) == 1
