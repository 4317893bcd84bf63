"""A recorded day: tickets with times and work, agents with skills and shifts, in slots of time.

A slot is any unit, say a minute. Times and work may be fractions of it, shifts are whole slots.
Slot s reaches from s to s + 1.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np

from services.router.simulation.theory.errors import LabError, Unservable
from services.router.simulation.theory.subsets import Integers


@dataclass(frozen=True, slots=True)
class TraceTicket:
    """A ticket: when it came, the work it took, and until when the first response was due."""

    released: float
    work: float
    skills: frozenset[str] = frozenset()
    kind: str = ""
    due: float = math.inf

    def __post_init__(self) -> None:
        if not (math.isfinite(self.released) and self.released >= 0):
            raise LabError(f"A ticket must be released at a time of 0 or later: {self}")
        if not (math.isfinite(self.work) and self.work > 0):
            raise LabError(f"The work of a ticket must be a positive number of slots: {self}")


@dataclass(frozen=True, slots=True)
class TraceAgent:
    """An agent who handles up to `capacity` tickets at a time, each at full speed.

    `shifts` are (first slot, slot after the last); None means always. `pace` multiplies the work of
    tickets of a kind; a kind that it does not name counts once.
    """

    name: str
    skills: frozenset[str] = frozenset()
    shifts: tuple[tuple[int, int], ...] | None = None
    capacity: int = 1
    pace: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))

    def __post_init__(self) -> None:
        if self.capacity < 1:
            raise LabError(f"Agent {self.name} needs a capacity of at least 1")
        if any(not 0 <= first < end for first, end in self.shifts or ()):
            raise LabError(f"Agent {self.name} has a shift that ends before it begins, or before 0")
        if any(not (math.isfinite(factor) and factor > 0) for factor in self.pace.values()):
            raise LabError(f"The pace of agent {self.name} must be of positive numbers")


@dataclass(frozen=True, slots=True)
class AgentGroup:
    """Agents with the same skills and pace: for the linear program they are one."""

    skills: frozenset[str]
    pace: Mapping[str, float]
    agents: tuple[TraceAgent, ...]

    def may_serve(self, ticket: TraceTicket) -> bool:
        """Tell whether the group has all skills of the ticket."""
        return ticket.skills <= self.skills

    def duration(self, ticket: TraceTicket) -> float:
        """Return the slots of work that the ticket takes here."""
        return ticket.work * self.pace.get(ticket.kind, 1.0)

    def staff(self, slots: int) -> Integers:
        """Return how many tickets the group can handle at a time, of shape [slots]."""
        staff = np.zeros(slots, dtype=np.int64)
        for agent in self.agents:
            for first, end in ((0, slots),) if agent.shifts is None else agent.shifts:
                staff[first:end] += agent.capacity
        return staff

    @property
    def end(self) -> float:
        """The slot from which nobody of the group is on shift again."""
        if any(agent.shifts is None for agent in self.agents):
            return math.inf
        return max((end for agent in self.agents for _, end in agent.shifts or ()), default=0)


@dataclass(frozen=True, slots=True)
class Trace:
    """Tickets and agents; raises Unservable if nobody is ever on shift for a ticket."""

    tickets: tuple[TraceTicket, ...]
    agents: tuple[TraceAgent, ...]

    def __post_init__(self) -> None:
        if not self.tickets:
            raise LabError("A trace needs at least one ticket")
        for number, ticket in enumerate(self.tickets):
            if all(ticket.released >= group.end for group in groups_for(ticket, self.groups)):
                raise Unservable(
                    f"Ticket {number}, released at {ticket.released:g}, needs "
                    f"{', '.join(sorted(ticket.skills)) or 'anybody'}: nobody with that is on shift"
                    " later; add the skill or a shift, or leave the ticket out"
                )

    @property
    def groups(self) -> tuple[AgentGroup, ...]:
        """Agents merged by skills and pace, in the order of their first members."""
        merged: dict[object, list[TraceAgent]] = {}
        for agent in self.agents:
            merged.setdefault((agent.skills, frozenset(agent.pace.items())), []).append(agent)
        return tuple(
            AgentGroup(members[0].skills, members[0].pace, tuple(members))
            for members in merged.values()
        )

    @property
    def horizon(self) -> int:
        """The slot by which all work is done, whoever does it, if the shifts allow it at all."""
        groups = self.groups
        ends = [int(group.end) for group in groups if group.end < math.inf]
        if len(ends) < len(groups):
            work = sum(
                max(group.duration(ticket) for group in groups_for(ticket, groups))
                for ticket in self.tickets
            )
            ends.append(math.ceil(max(t.released for t in self.tickets) + work) + 1)
        return max(ends)


def groups_for(ticket: TraceTicket, groups: Iterable[AgentGroup]) -> tuple[AgentGroup, ...]:
    """Return the groups that may serve a ticket."""
    return tuple(group for group in groups if group.may_serve(ticket))
