"""First come first served, to the agent longest idle: its exact waits (no bound, an anchor).

Each free agent takes the oldest ticket they may serve, each new ticket the longest idle agent. The
stationary distribution is a product over the order of busy and idle agents; summed over all orders
by dynamic programming over sets of agents, in 2^n n steps.

Source: Adan & Weiss, Stochastic Systems 4(1), 2014; overview in arXiv:2006.05979.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from services.router.simulation.theory.errors import LabError
from services.router.simulation.theory.subsets import Floats, check_stable, layers, subset_rates
from services.router.simulation.theory.system import System


@dataclass(frozen=True, slots=True)
class FcfsAlis:
    """Mean wait over all tickets and by class (units of time), busy share by agent."""

    mean_wait: float
    wait_by_class: Mapping[str, float]
    utilisation: Mapping[str, float]


def fcfs_alis(system: System) -> FcfsAlis:
    """Compute the exact long-run waits.

    Raises Unstable, naming the set of agents that cannot keep up, TooLarge above 20 agents, and
    LabError if an agent serves no class.
    """
    rates = subset_rates(system)
    _check_everybody_serves(system, rates.reach)
    check_stable(system, rates)
    spare = rates.service - rates.captive
    nothing = np.zeros_like(spare)
    busy = _over_orders(spare, first=1.0, added=nothing)
    idle = _over_orders(rates.reach, first=1.0, added=nothing)[::-1]
    weight = busy * idle
    total = float(weight.sum())
    masks = np.arange(len(spare))
    queues = {}
    for mask, ticket_class in zip(system.masks(), system.classes, strict=True):
        # Behind a set of busy agents waits a geometric queue, each class by its share.
        added = np.where(masks & mask == mask, ticket_class.arrival_rate * busy, 0.0)
        added[1:] /= spare[1:]
        queue = _over_orders(spare, first=0.0, added=added)
        queues[ticket_class.name] = float((queue * idle).sum()) / total
    return FcfsAlis(
        mean_wait=sum(queues.values()) / system.arrival_rate,
        wait_by_class={c.name: queues[c.name] / c.arrival_rate for c in system.classes},
        utilisation={
            agent: 1 - float(weight[masks >> bit & 1 == 0].sum()) / total
            for bit, agent in enumerate(system.agents)
        },
    )


def _over_orders(divisor: Floats, first: float, added: Floats) -> Floats:
    """Return v: v[{}] = first, v[S] = sum of v[S without m] over m in S / divisor[S] + added[S].

    All arrays have shape [2^agents].
    """
    count = len(divisor).bit_length() - 1
    values = np.zeros_like(divisor)
    values[0] = first
    for sets in layers(count):
        reached = np.zeros(len(sets))
        for bit in range(count):
            inside = sets >> bit & 1 == 1
            reached[inside] += values[sets[inside] ^ (1 << bit)]
        values[sets] = reached / divisor[sets] + added[sets]
    return values


def _check_everybody_serves(system: System, reach: Floats) -> None:
    useless = [agent for bit, agent in enumerate(system.agents) if reach[1 << bit] <= 0]
    if useless:
        raise LabError(f"Agents {', '.join(useless)} serve no class: leave them out")
