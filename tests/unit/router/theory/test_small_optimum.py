"""The exact optimum of small systems."""

import numpy as np
import pytest

from services.router.simulation.theory.class_partition import class_partition_bound
from services.router.simulation.theory.erlang import DelaySystem
from services.router.simulation.theory.errors import LabError, TooLarge, Unstable
from services.router.simulation.theory.fcfs_alis import fcfs_alis
from services.router.simulation.theory.small_optimum import policy_wait, small_optimum
from services.router.simulation.theory.state_space import StateSpace
from tests.unit.router.theory.reference_systems import pooled, system_x


def test_the_reference_system_has_its_optimum_between_the_floors_and_first_come() -> None:
    best = small_optimum(system_x(), queue_limit=18)
    assert best.optimum.lower == pytest.approx(0.793, abs=1e-3)
    assert best.optimum.upper - best.optimum.lower <= 1e-4
    assert best.policy_wait.upper <= best.optimum.upper + 1e-4
    floor = class_partition_bound(system_x()).mean_wait
    pooled_floor = DelaySystem(2.8, 1, 4).mean_wait
    assert pooled_floor == pytest.approx(0.357, abs=5e-4)
    assert pooled_floor < floor < best.optimum.lower
    first_come = fcfs_alis(system_x()).mean_wait
    assert first_come / best.optimum.upper == pytest.approx(1.076, abs=1e-3)


def test_agents_who_serve_everything_cannot_beat_erlang() -> None:
    best = small_optimum(pooled(3, 2.2), queue_limit=80, tolerance=1e-6)
    exact = DelaySystem(2.2, 1, 3).mean_wait
    assert best.optimum.lower <= exact * (1 + 1e-6)
    assert best.optimum.upper >= exact * (1 - 1e-6)


def test_longer_queues_wait_longer_up_to_the_truth() -> None:
    waits = [small_optimum(system_x(), queue_limit=k).optimum.lower for k in (3, 6, 9)]
    assert waits == sorted(waits)
    assert waits[-1] < 0.793


def test_an_index_rule_is_above_the_optimum_and_its_wait_is_exact() -> None:
    space = StateSpace(system_x(), 8)
    queues = space.queue_lengths()
    longest_first = np.broadcast_to((queues * queues).sum(axis=0), space.shape).astype(float)
    rule = policy_wait(space, space.best_assignments(longest_first))
    best = small_optimum(system_x(), queue_limit=8)
    assert best.optimum.upper < rule.lower < 1.15 * best.optimum.lower


def test_the_policy_only_assigns_to_idle_agents_what_waits() -> None:
    best = small_optimum(system_x(), queue_limit=3)
    masks = system_x().masks()
    for state, target in enumerate(best.policy.ravel()):
        busy, *queue = np.unravel_index(state, best.policy.shape)
        then, *left = np.unravel_index(int(target), best.policy.shape)
        taken = int(then) & ~int(busy)
        assert int(busy) & ~int(then) == 0
        moved = [int(before) - int(after) for before, after in zip(queue, left, strict=True)]
        assert min(moved) >= 0
        assert sum(moved) == taken.bit_count()
        assert taken & ~_union(masks, moved) == 0


def _union(masks: tuple[int, ...], moved: list[int]) -> int:
    union = 0
    for mask, count in zip(masks, moved, strict=True):
        union |= mask if count else 0
    return union


def test_what_cannot_be_computed_is_refused() -> None:
    with pytest.raises(Unstable, match="Agents a, b serve"):
        small_optimum(system_x((0.4, 0.4, 1, 1)))
    with pytest.raises(TooLarge, match="lower the queue limit"):
        small_optimum(system_x(), queue_limit=60)
    with pytest.raises(LabError, match="at least 1"):
        small_optimum(system_x(), queue_limit=0)
