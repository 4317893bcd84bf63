"""A desk in the long run: classes of tickets that arrive at random, agents who serve at a rate."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from services.router.simulation.theory.errors import LabError, Unservable


@dataclass(frozen=True, slots=True)
class TicketClass:
    """Tickets that the same agents may serve; `arrival_rate` in tickets per unit of time."""

    name: str
    arrival_rate: float
    agents: frozenset[str]


@dataclass(frozen=True, slots=True)
class System:
    """Poisson classes and agents with exponential service, one ticket at a time.

    `service_rates` are tickets per unit of time by agent, whatever the class. Raises LabError if a
    rate is not a positive number or a name is used twice or unknown, Unservable if a class has no
    agent.
    """

    classes: tuple[TicketClass, ...]
    service_rates: Mapping[str, float]

    def __post_init__(self) -> None:
        names = [ticket_class.name for ticket_class in self.classes]
        if not names or len(set(names)) < len(names):
            raise LabError(f"A system needs classes with names of their own, not {names}")
        for agent, rate in self.service_rates.items():
            _check_rate(f"The service rate of agent {agent}", rate)
        for ticket_class in self.classes:
            _check_rate(f"The arrival rate of class {ticket_class.name}", ticket_class.arrival_rate)
            unknown = ticket_class.agents - set(self.service_rates)
            if unknown:
                raise LabError(f"Class {ticket_class.name} names unknown agents {sorted(unknown)}")
            if not ticket_class.agents:
                raise Unservable(
                    f"Nobody may serve class {ticket_class.name}: give it an agent or leave it out"
                )

    @property
    def agents(self) -> tuple[str, ...]:
        """The agents in the order of their bits in masks."""
        return tuple(self.service_rates)

    @property
    def arrival_rate(self) -> float:
        """Tickets of all classes per unit of time."""
        return math.fsum(ticket_class.arrival_rate for ticket_class in self.classes)

    def masks(self) -> tuple[int, ...]:
        """Return for each class the set of its agents as bits; agent k is bit k."""
        bit = {agent: 1 << position for position, agent in enumerate(self.agents)}
        return tuple(sum(bit[agent] for agent in c.agents) for c in self.classes)

    def members(self, mask: int) -> tuple[str, ...]:
        """Return the names of the agents in a mask."""
        return tuple(agent for k, agent in enumerate(self.agents) if mask >> k & 1)


def _check_rate(what: str, rate: float) -> None:
    if not (math.isfinite(rate) and rate > 0):
        raise LabError(f"{what} must be a positive number, not {rate}")
