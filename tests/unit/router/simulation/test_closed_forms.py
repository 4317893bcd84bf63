"""The simulator agrees with what is known exactly."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
import pytest

from services.router.simulation.bounds import pooled_floor
from services.router.simulation.desk import World
from services.router.simulation.intervals import Interval, interval
from services.router.simulation.measures import Measures, measure
from services.router.simulation.steady import steady_values, system_of
from services.router.simulation.theory.erlang import DelaySystem
from services.router.simulation.theory.fcfs_alis import fcfs_alis
from tests.unit.router.simulation.desks import FCFS_ALIS, HOUR, desk, simulate, system_x, world

SEEDS = range(1, 9)


def runs(simulated: World, profile: Mapping[str, Any]) -> list[Measures]:
    return [measure(simulated, simulate(simulated, profile, seed)) for seed in SEEDS]


def mean_wait_h(found: Sequence[Measures], group: str | None = None) -> Interval:
    values = (each.values if group is None else each.groups[group] for each in found)
    return interval([value["mean_wait_s"] / HOUR for value in values])


@cache
def chain_runs() -> list[Measures]:
    return runs(system_x(1500, 50), FCFS_ALIS)


def test_one_skill_for_all_is_erlangs_system() -> None:
    team = desk({"any": 4.0}, {f"agent {n}": ("any",) for n in range(5)}, 800, 50)
    found = mean_wait_h(runs(team, {}))
    assert found.low <= DelaySystem(4.0, 1.0, 5).mean_wait <= found.high
    assert found.half < 0.15


def test_many_classes_are_erlangs_system_if_everybody_has_all_skills() -> None:
    rates = {"first": 0.9, "second": 0.7, "third": 0.6}
    team = desk(rates, {f"agent {n}": tuple(rates) for n in range(3)}, 1500, 50)
    found = mean_wait_h(runs(team, FCFS_ALIS))
    assert found.low <= DelaySystem(2.2, 1.0, 3).mean_wait <= found.high


def test_first_come_by_the_longest_idle_is_the_product_form() -> None:
    chain = system_x(1500, 50)
    system = system_of(chain)
    assert system is not None
    exact = fcfs_alis(system)
    assert exact.mean_wait / HOUR == pytest.approx(0.8530, abs=1e-4)
    found = mean_wait_h(chain_runs())
    assert found.low <= exact.mean_wait / HOUR <= found.high


def test_each_class_waits_as_the_product_form_says() -> None:
    chain = system_x(1500, 50)
    system = system_of(chain)
    assert system is not None
    found = mean_wait_h(chain_runs(), "second")
    assert found.low <= fcfs_alis(system).wait_by_class["second"] / HOUR <= found.high


def test_alike_agents_wait_exactly_as_the_pooled_queue_does() -> None:
    """Path by path: the same starts, so the floor is reached."""
    team = desk({"any": 2.5}, {f"agent {n}": ("any",) for n in range(3)}, 200)
    floor = pooled_floor(team, team.source.jobs(3), 3)
    assert simulate(team, {}, 3).mean_wait_s == pytest.approx(floor, rel=1e-6)


def test_capacity_counts_as_so_many_servers() -> None:
    one = desk({"any": 2.5}, {f"agent {n}": ("any",) for n in range(3)}, 200)
    three = world(
        {
            "horizon": "200h",
            "classes": [{"name": "any", "rate": 2.5}],
            "agents": [{"name": "agent", "capacity": 3, "rate": 1}],
        }
    )
    waits = [simulate(team, FCFS_ALIS).wait_s for team in (one, three)]
    np.testing.assert_allclose(*waits, atol=1e-3)


def test_the_exact_values_of_a_simple_desk_are_known() -> None:
    values = {value.name: value.mean_wait_s / HOUR for value in steady_values(system_x(100))}
    assert values["class partition"] == pytest.approx(0.372, abs=1e-3)
    assert values["first come, longest idle"] == pytest.approx(0.853, abs=1e-3)
    assert values["exact optimum"] == pytest.approx(0.793, abs=1e-3)
