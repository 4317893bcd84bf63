"""Arrays over all sets of agents (index = bit mask), and the condition of stability on them."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from services.router.simulation.theory.errors import TooLarge, Unstable
from services.router.simulation.theory.system import System

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

#: 2^20 sets take seconds and some hundred MB; every further agent doubles both.
MAX_AGENTS = 20


@dataclass(frozen=True, slots=True)
class SubsetRates:
    """Rates by set S of agents, each of shape [2^agents].

    `captive[S]` is the arrival rate of the classes that only agents of S may serve, `reach[S]` of
    those that some agent of S may serve, `service[S]` the service rate of S.
    """

    captive: Floats
    reach: Floats
    service: Floats


def subset_rates(system: System) -> SubsetRates:
    """Add up arrival and service rates for every set of agents; TooLarge above MAX_AGENTS."""
    count = len(system.agents)
    if count > MAX_AGENTS:
        raise TooLarge(
            f"{count} agents are too many for an exact answer over all sets of agents (at most "
            f"{MAX_AGENTS}): simulate, or use the bounds that do not need it"
        )
    captive = np.zeros(1 << count)
    service = np.zeros(1 << count)
    for mask, ticket_class in zip(system.masks(), system.classes, strict=True):
        captive[mask] += ticket_class.arrival_rate
    for bit, rate in enumerate(system.service_rates.values()):
        service[1 << bit] = rate
    captive, service = _sum_over_subsets(captive), _sum_over_subsets(service)
    return SubsetRates(captive, captive[-1] - captive[::-1], service)


def _sum_over_subsets(values: Floats) -> Floats:
    """Return for each set the sum over its subsets (the zeta transform), in n 2^n steps."""
    summed = values.copy()
    step = 1
    while step < len(summed):
        halves = summed.reshape(-1, 2, step)
        halves[:, 1] += halves[:, 0]
        step *= 2
    return summed


def layers(count: int) -> list[Integers]:
    """Return the sets of `count` agents by size: the sets of one agent first."""
    masks = np.arange(1 << count, dtype=np.int64)
    sizes = np.bitwise_count(masks)
    return [masks[sizes == size] for size in range(1, count + 1)]


def check_stable(system: System, rates: SubsetRates) -> None:
    """Raise Unstable, naming the tightest set, unless captive[S] < service[S] for each set S.

    This is necessary for every policy and enough for first come, first served (Adan & Weiss 2014).
    """
    load = rates.captive[1:] / rates.service[1:]
    worst = int(np.argmax(load)) + 1
    if load[worst - 1] < 1:
        return
    classes = [
        ticket_class.name
        for mask, ticket_class in zip(system.masks(), system.classes, strict=True)
        if mask & ~worst == 0
    ]
    raise Unstable(
        f"Agents {', '.join(system.members(worst))} serve {rates.service[worst]:g} tickets per unit"
        f" of time, but the classes that only they may serve ({', '.join(classes)}) bring "
        f"{rates.captive[worst]:g}: no policy keeps up; add agents or skills"
    )
