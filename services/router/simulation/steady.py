"""What is known of the long run of a simple desk; see `docs/lab-theory.md`."""

from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass

from services.router.simulation.desk import World
from services.router.simulation.laws import LawName
from services.router.simulation.theory.class_partition import class_partition_bound
from services.router.simulation.theory.errors import LabError
from services.router.simulation.theory.fcfs_alis import fcfs_alis
from services.router.simulation.theory.small_optimum import small_optimum
from services.router.simulation.theory.system import System, TicketClass

#: The queues up to which the exact optimum is computed; larger changes it by less than a percent.
QUEUE_LIMIT = 18
#: States that are computed in a few seconds.
MOST_STATES = 300_000


@dataclass(frozen=True, slots=True)
class SteadyValue:
    """A mean wait of the long run, in seconds; `is_floor` is false for an anchor."""

    name: str
    mean_wait_s: float
    is_floor: bool


def steady_values(world: World) -> list[SteadyValue]:
    """Return what is known of the long run: nothing unless the desk is simple."""
    system = system_of(world)
    if system is None:
        return []
    found = []
    with suppress(LabError):
        floor = class_partition_bound(system).mean_wait
        found.append(SteadyValue("class partition", floor, is_floor=True))
    with suppress(LabError):
        anchor = fcfs_alis(system).mean_wait
        found.append(SteadyValue("first come, longest idle", anchor, is_floor=False))
    states = 2 ** len(system.agents) * (QUEUE_LIMIT + 1) ** len(system.classes)
    if states <= MOST_STATES:
        optimum = small_optimum(system, QUEUE_LIMIT).optimum.lower
        found.append(SteadyValue("exact optimum", optimum, is_floor=True))
    return found


def system_of(world: World) -> System | None:
    """Return the desk as theory knows it, in tickets a second; None if it is not that simple."""
    handling = world.handling
    simple = (
        world.poisson_rates is not None
        and handling.law.name is LawName.EXPONENTIAL
        and not handling.handover
        and all(w.shifts is None and w.candidate.capacity == 1 for w in world.workers)
    )
    rates: dict[str, set[float]] = defaultdict(set)
    for means in handling.means.values():
        for agent, mean in means.items():
            rates[agent].add(1 / mean)
    if not simple or world.poisson_rates is None or any(len(own) > 1 for own in rates.values()):
        return None
    classes = tuple(
        TicketClass(name, rate, handling.servers(name))
        for name, rate in world.poisson_rates.items()
    )
    return System(classes, {agent: own.pop() for agent, own in sorted(rates.items())})
