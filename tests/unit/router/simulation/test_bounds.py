"""What no policy can beat is beaten by none that ships, path by path, on a hundred random desks."""

from random import Random

import pytest

from services.router.simulation.bounds import hindsight_floor, pooled_floor
from services.router.simulation.draws import DrawsBy
from services.router.simulation.engine import Simulation
from services.router.simulation.intervals import interval
from services.router.simulation.measures import measure
from services.router.simulation.profile_files import built_in, read_profile
from services.router.simulation.steady import steady_values
from services.router.strategy import StrategyBuilder
from tests.unit.router.simulation.desks import random_desk, system_x

STRATEGIES = [StrategyBuilder().build(read_profile(name)) for name in built_in()]


@pytest.mark.parametrize("batch", range(10))
def test_no_profile_beats_a_bound(batch: int) -> None:
    for number in range(10):
        seed = 10 * batch + number
        world = random_desk(Random(seed))
        jobs = world.source.jobs(seed)
        pooled = pooled_floor(world, jobs, seed)
        first = jobs[:25]
        hindsight = hindsight_floor(world, first, seed)
        for strategy in STRATEGIES:
            found = Simulation(world, strategy, seed, jobs=jobs).run().mean_wait_s
            assert found >= pooled - 1e-3, f"{strategy.profile.name} on desk {seed}"
            known = Simulation(world, strategy, seed, DrawsBy.TICKET, first).run().mean_wait_s
            assert known >= hindsight - 1e-3, f"{strategy.profile.name} on desk {seed}"


def test_no_profile_is_below_the_exact_optimum_by_more_than_chance() -> None:
    world = system_x(200, 50)
    [optimum] = [v.mean_wait_s for v in steady_values(world) if v.name == "exact optimum"]
    for strategy in STRATEGIES:
        found = [
            measure(world, Simulation(world, strategy, seed).run()).values["mean_wait_s"]
            for seed in range(5)
        ]
        assert interval(found).high > optimum
