"""What no policy could beat with the tickets and draws of one seed; see `docs/lab-theory.md`."""

import math
from collections import defaultdict
from collections.abc import Sequence
from itertools import islice

from services.router.simulation.desk import Job, World
from services.router.simulation.draws import by_start, by_ticket
from services.router.simulation.theory.errors import TooLarge
from services.router.simulation.theory.hindsight import Hindsight, hindsight_bound
from services.router.simulation.theory.pooled_replay import (
    Shift,
    pooled_replay,
    pooled_replay_with_shifts,
)
from services.router.simulation.theory.trace import Trace, TraceAgent, TraceTicket

#: Larger logs are not given to the linear program unless a piece of them is asked for.
MOST_TICKETS = 80
#: Slots of time in a mean handling time; fewer if the program gets too large.
SLOTS = 6


def pooled_floor(world: World, jobs: Sequence[Job], seed: int) -> float:
    """Return the floor of the mean wait of all tickets of a run, in seconds.

    Each team is pooled for itself: its tickets wait at least as if its agents did nothing else and
    all could serve all of them. Raises LabError if the shifts end too early.
    """
    blocks: dict[str, list[Job]] = defaultdict(list)
    for job in jobs:
        blocks[job.block].append(job)
    total = sum(_block_floor(world, name, members, seed) for name, members in blocks.items())
    return total / len(jobs)


def _block_floor(world: World, name: str, jobs: Sequence[Job], seed: int) -> float:
    """Return the total wait of a team, pooled."""
    kinds = {job.kind for job in jobs}
    able = frozenset[str]().union(*(world.handling.servers(kind) for kind in kinds))
    workers = [worker for worker in world.workers if worker.id in able]
    fastest = min(min(world.handling.means[kind].values()) for kind in kinds)
    draw = by_start(world.handling.law, seed, name)
    services = [fastest * draw() for _ in jobs]
    arrivals = [job.at for job in jobs]
    if all(worker.shifts is None for worker in workers):
        slots = sum(worker.candidate.capacity for worker in workers)
        return pooled_replay(arrivals, services, slots).mean_wait * len(jobs)
    shifts = [
        Shift(begin, end)
        for worker in workers
        for begin, end in (((0.0, math.inf),) if worker.shifts is None else worker.shifts)
        for _ in range(worker.candidate.capacity)
    ]
    return pooled_replay_with_shifts(arrivals, services, shifts).mean_wait * len(jobs)


def hindsight_floor(world: World, jobs: Sequence[Job], seed: int) -> float:
    """Return the hindsight floor of the mean wait, in seconds; raises LabError."""
    slot_s = slot_length(world)
    for _ in range(4):
        try:
            return hindsight_bound(trace(world, jobs, seed, slot_s)).mean_wait * slot_s
        except TooLarge:
            slot_s *= 2
    raise TooLarge(f"{len(jobs)} tickets are too many for the hindsight program")


def hindsight(world: World, jobs: Sequence[Job], seed: int) -> tuple[Hindsight, float]:
    """Return the hindsight program's answer for the first tickets, and the slot in seconds."""
    slot_s = slot_length(world)
    first = list(islice(jobs, MOST_TICKETS))
    return hindsight_bound(trace(world, first, seed, slot_s)), slot_s


def slot_length(world: World) -> float:
    """Return the seconds of a slot of time."""
    usual = [world.handling.usual(kind) for kind in world.handling.means]
    return sum(usual) / len(usual) / SLOTS


def trace(world: World, jobs: Sequence[Job], seed: int, slot_s: float) -> Trace:
    """Return the tickets with their own draws, and the agents, in slots."""
    factors = by_ticket(world.handling.law, seed, jobs)
    usual = {kind: world.handling.usual(kind) for kind in world.handling.means}
    tickets = tuple(
        TraceTicket(
            released=job.at / slot_s,
            work=factor * usual[job.kind] / slot_s,
            skills=frozenset((job.kind,)),
            kind=job.kind,
        )
        for job, factor in zip(jobs, factors, strict=True)
    )
    agents = tuple(
        TraceAgent(
            name=worker.id,
            skills=frozenset(k for k, means in world.handling.means.items() if worker.id in means),
            shifts=None,
            capacity=worker.candidate.capacity,
            pace={
                kind: means[worker.id] / usual[kind]
                for kind, means in world.handling.means.items()
                if worker.id in means
            },
        )
        for worker in world.workers
    )
    return Trace(tickets, agents)
