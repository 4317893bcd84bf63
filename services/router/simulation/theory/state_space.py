"""All states of a small system: who is busy, and how many tickets of each class wait.

Arrays of values have shape [2^agents, K+1, …, K+1]: the set of busy agents as bits, then the queue
of each class, where a ticket that arrives at a full queue is lost. Time is cut into steps of mean
1/rate, in each of which at most one ticket arrives or is finished (uniformisation: Puterman, Markov
Decision Processes, 1994, section 11.5).
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from services.router.simulation.theory.errors import LabError, TooLarge
from services.router.simulation.theory.subsets import Floats, Integers
from services.router.simulation.theory.system import System

#: About a minute of work; 4 agents and 3 classes of at most 18 waiting have 109,744 states.
MAX_STATES = 1_000_000


@dataclass(frozen=True, slots=True)
class StateSpace:
    """The states of a system with at most `queue_limit` tickets waiting in each class.

    Raises LabError for a queue limit below 1 and TooLarge above MAX_STATES.
    """

    system: System
    queue_limit: int

    def __post_init__(self) -> None:
        if self.queue_limit < 1:
            raise LabError(f"The queue limit must be at least 1, not {self.queue_limit}")
        agents, classes = len(self.system.agents), len(self.system.classes)
        states = 2**agents * (self.queue_limit + 1) ** classes
        if states > MAX_STATES:
            raise TooLarge(
                f"{agents} agents and {classes} classes of up to {self.queue_limit} waiting make "
                f"{states} states (at most {MAX_STATES}): lower the queue limit, or use the bounds"
            )

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of an array of values."""
        return (2 ** len(self.system.agents), *self._queues)

    @property
    def rate(self) -> float:
        """Events in a unit of time, counting agents without work as if they finished some."""
        return self.system.arrival_rate + sum(self.system.service_rates.values())

    def queue_lengths(self) -> Integers:
        """Return the tickets that wait by class and state, of shape [classes, 1, K+1, …]."""
        return np.indices(self._queues)[:, np.newaxis]

    def after_event(self, assigned: Floats) -> Floats:
        """Return expected values one event ahead, from the values after assignments."""
        result = np.zeros(self.shape)
        for axis, ticket_class in enumerate(self.system.classes, start=1):
            longer = np.minimum(np.arange(1, self.queue_limit + 2), self.queue_limit)
            result += ticket_class.arrival_rate / self.rate * assigned.take(longer, axis=axis)
        busy = np.arange(self.shape[0])
        for bit, rate in enumerate(self.system.service_rates.values()):
            result += rate / self.rate * assigned[busy & ~(1 << bit)]
        return result

    def assign(self, values: Floats) -> Floats:
        """Return the least value that any set of assignments, or none, leads to at once."""
        best = values.copy()
        for before, after in self._assignments():
            np.minimum(best[before], best[after], out=best[before])
        return best

    def best_assignments(self, values: Floats) -> Integers:
        """Return for each state the flat index of the state that `assign` moves to: a policy."""
        best = values.copy()
        target = np.arange(values.size, dtype=np.int64).reshape(self.shape)
        for before, after in self._assignments():
            better = best[after] < best[before]
            best[before] = np.where(better, best[after], best[before])
            target[before] = np.where(better, target[after], target[before])
        return target

    def _assignments(self) -> Iterator[tuple[tuple[int | slice, ...], tuple[int | slice, ...]]]:
        """Yield where each single assignment leads from and to; settled states come first.

        More busy agents come first, so that a chain of assignments is followed to its end.
        """
        masks = self.system.masks()
        for busy in sorted(range(self.shape[0]), key=int.bit_count, reverse=True):
            for axis, mask in enumerate(masks):
                whole = (slice(None),) * axis
                idle = mask & ~busy
                while idle:
                    agent = idle & -idle
                    idle ^= agent
                    yield (busy, *whole, slice(1, None)), (busy | agent, *whole, slice(None, -1))

    @property
    def _queues(self) -> tuple[int, ...]:
        return (self.queue_limit + 1,) * len(self.system.classes)
