"""Erlang's delay system M/M/n: one queue, n equal agents who serve everything.

Source: A. K. Erlang 1917; the recursion is stable for any n (see e.g. Cooper, Introduction to
Queueing Theory, 1981). With Poisson arrivals and exponential service it is the lowest mean wait
that n agents with any skills can reach.
"""

import math
from dataclasses import dataclass

from services.router.simulation.theory.errors import LabError, Unstable


def erlang_b(servers: int, offered: float) -> float:
    """Return the share of arrivals lost if nobody waits; `offered` is arrival over service rate."""
    blocked = 1.0
    for count in range(1, servers + 1):
        blocked = offered * blocked / (count + offered * blocked)
    return blocked


@dataclass(frozen=True, slots=True)
class DelaySystem:
    """M/M/n by tickets per unit of time, tickets per unit of time and agent, and agents.

    Raises LabError if a value is not positive and Unstable if the load is 1 or above.
    """

    arrival_rate: float
    service_rate: float
    servers: int

    def __post_init__(self) -> None:
        if self.servers < 1 or not all(
            math.isfinite(rate) and rate > 0 for rate in (self.arrival_rate, self.service_rate)
        ):
            raise LabError(f"M/M/n needs an agent and positive rates: {self}")
        if self.arrival_rate >= self.servers * self.service_rate:
            raise Unstable(
                f"{self.servers} agents serve {self.servers * self.service_rate:g} tickets per unit"
                f" of time, but {self.arrival_rate:g} arrive: the wait grows without end"
            )

    @property
    def load(self) -> float:
        """The share of time that an agent is busy."""
        return self.arrival_rate / (self.servers * self.service_rate)

    @property
    def wait_probability(self) -> float:
        """Erlang C: the share of tickets that wait at all."""
        blocked = erlang_b(self.servers, self.arrival_rate / self.service_rate)
        return blocked / (1 - self.load * (1 - blocked))

    @property
    def mean_wait(self) -> float:
        """The mean wait of all tickets, in units of time."""
        return self.wait_probability / self._spare_rate

    @property
    def mean_queue(self) -> float:
        """The mean number of tickets that wait."""
        return self.arrival_rate * self.mean_wait

    def wait_exceeds(self, time: float) -> float:
        """Return the share of tickets that wait longer than `time`, first come, first served."""
        return self.wait_probability * math.exp(-self._spare_rate * time)

    @property
    def _spare_rate(self) -> float:
        return self.servers * self.service_rate - self.arrival_rate


def square_root_staffing(offered: float, quality: float) -> int:
    """Return the agents for an offered load, with `quality` times its root to spare.

    Halfin & Whitt, Operations Research 29(3), 1981.
    """
    return math.ceil(offered + quality * math.sqrt(offered))


def wait_probability_at(quality: float) -> float:
    """Return the share of tickets that wait under square-root staffing, for many agents."""
    density = math.exp(-quality * quality / 2) / math.sqrt(2 * math.pi)
    below = (1 + math.erf(quality / math.sqrt(2))) / 2
    return 1 / (1 + quality * below / density)
