"""The same skill-based queue, written anew with simpy: every ticket waits as long."""

from collections.abc import Generator
from typing import Any

import numpy as np
import pytest
import simpy

from services.router.simulation.desk import Job, World
from services.router.simulation.draws import by_start
from tests.unit.router.simulation.desks import FCFS_ALIS, desk, simulate, system_x

DESKS = {
    "chain": system_x(300),
    "uneven speeds": desk(
        {"one": 1.0, "two": 1.2},
        {"a": ("one",), "b": ("one", "two"), "c": ("two",)},
        300,
        speeds={"a": 0.8, "b": 1.3, "c": 1.1},
    ),
}


class SkillQueue:
    """Oldest ticket that an agent may serve; of idle agents the one idle longest."""

    def __init__(self, world: World, seed: int) -> None:
        self.environment = simpy.Environment()
        self.means = world.handling.means
        self.jobs = world.source.jobs(seed)
        self.draw = by_start(world.handling.law, seed, "")
        self.idle = [worker.id for worker in world.workers]
        self.queue: list[Job] = []
        self.waits = np.full(len(self.jobs), np.nan)

    def run(self) -> np.ndarray[Any, Any]:
        self.environment.process(self.arrive())
        self.environment.run()
        return self.waits

    def arrive(self) -> Generator[Any]:
        for job in self.jobs:
            yield self.environment.timeout(job.at - self.environment.now)
            able = [agent for agent in self.idle if agent in self.means[job.kind]]
            if able:
                self.begin(job, able[0])
            else:
                self.queue.append(job)

    def begin(self, job: Job, agent: str) -> None:
        self.idle.remove(agent)
        self.waits[job.number] = self.environment.now - job.at
        self.environment.process(self.work(agent, self.draw() * self.means[job.kind][agent]))

    def work(self, agent: str, seconds: float) -> Generator[Any]:
        yield self.environment.timeout(seconds)
        self.idle.append(agent)
        for job in self.queue:
            if agent in self.means[job.kind]:
                self.queue.remove(job)
                self.begin(job, agent)
                return


@pytest.mark.parametrize("name", DESKS)
@pytest.mark.parametrize("seed", [1, 2])
def test_every_ticket_waits_as_long_as_in_an_independent_simulator(name: str, seed: int) -> None:
    world = DESKS[name]
    expected = SkillQueue(world, seed).run()
    found = simulate(world, FCFS_ALIS, seed)
    assert expected.size > 500
    np.testing.assert_allclose(found.wait_s, expected, atol=0.01)
