"""L2, the class partition bound: split the classes, pool each part for itself, add up.

Only the agents that may serve a set K of classes can work on it, so at least the queue of M/M/n
with those agents waits there, whatever the policy. The queues of disjoint sets of classes add up,
even where they share agents. Subset dynamic programming finds the partition that gives the most.

Valid for Poisson arrivals and exponential service, preemptive or not; with different service rates
every agent is taken to be as fast as the fastest. Derived for this project.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from services.router.simulation.theory.erlang import DelaySystem
from services.router.simulation.theory.errors import TooLarge, Unstable
from services.router.simulation.theory.system import System, TicketClass

#: 3^12 is half a million pairs of sets, a second; every further class takes three times as long.
MAX_CLASSES = 12


@dataclass(frozen=True, slots=True)
class PartitionBound:
    """Floors of the mean wait in units of time: over all tickets, and of each class on its own.

    `blocks` is the partition that gives the floor over all.
    """

    mean_wait: float
    blocks: tuple[frozenset[str], ...]
    wait_by_class: Mapping[str, float]


def class_partition_bound(system: System) -> PartitionBound:
    """Return the best floor of this kind.

    Raises TooLarge above 12 classes, Unstable if the agents of a set of classes cannot keep up.
    """
    count = len(system.classes)
    if count > MAX_CLASSES:
        raise TooLarge(
            f"{count} classes are too many to try all partitions (at most {MAX_CLASSES}): merge "
            "classes that the same agents serve, or use the pooled bound"
        )
    queues = [0.0] + [_queue(system, chosen) for chosen in range(1, 1 << count)]
    best, cut = _best_partitions(queues)
    blocks = []
    rest = (1 << count) - 1
    while rest:
        blocks.append(frozenset(c.name for c in _classes(system, cut[rest])))
        rest ^= cut[rest]
    return PartitionBound(
        mean_wait=best[-1] / system.arrival_rate,
        blocks=tuple(blocks),
        wait_by_class={
            c.name: queues[1 << k] / c.arrival_rate for k, c in enumerate(system.classes)
        },
    )


def _classes(system: System, chosen: int) -> list[TicketClass]:
    return [c for k, c in enumerate(system.classes) if chosen >> k & 1]


def _queue(system: System, chosen: int) -> float:
    """Return the mean number waiting of the chosen classes if their agents did nothing else."""
    classes = _classes(system, chosen)
    agents = frozenset[str]().union(*(c.agents for c in classes))
    fastest = max(system.service_rates[agent] for agent in agents)
    try:
        return DelaySystem(sum(c.arrival_rate for c in classes), fastest, len(agents)).mean_queue
    except Unstable as error:
        names = ", ".join(c.name for c in classes)
        raise Unstable(f"Classes {names}: {error.detail}") from error


def _best_partitions(queues: list[float]) -> tuple[list[float], list[int]]:
    """Return the largest sum over partitions of each set of classes, and a block to cut off."""
    best = [0.0] * len(queues)
    cut = [0] * len(queues)
    for whole in range(1, len(queues)):
        lowest = whole & -whole
        others = part = whole ^ lowest
        while True:
            block = part | lowest
            value = queues[block] + best[whole ^ block]
            if value > best[whole] or not cut[whole]:
                best[whole], cut[whole] = value, block
            if not part:
                break
            part = (part - 1) & others
    return best, cut
