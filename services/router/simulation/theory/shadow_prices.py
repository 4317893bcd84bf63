"""What more agent time, another skill or other rates would be worth.

The prices of the linear programs L4 and L5 are slopes: right for a small change, and the most that
a larger one of the same kind can save. A skill is therefore priced by solving again with it.
"""

from dataclasses import dataclass, replace

import numpy as np

from services.router.simulation.theory.errors import LabError
from services.router.simulation.theory.hindsight import Hindsight, hindsight_bound
from services.router.simulation.theory.slot_windows import wait_per_work
from services.router.simulation.theory.trace import AgentGroup, Trace


@dataclass(frozen=True, slots=True)
class AgentTimePrice:
    """The slots of total wait that one agent more in a group would save in some slots."""

    group: AgentGroup
    saved: float


def agent_time_prices(bound: Hindsight, first: int, end: int) -> tuple[AgentTimePrice, ...]:
    """Return for each group what one agent more from slot `first` to before `end` would save.

    Divide by the tickets for the mean. The true saving is at most that.
    """
    saved = bound.solution.agent_prices[:, first:end].sum(axis=1)
    return tuple(
        AgentTimePrice(group, float(value))
        for group, value in zip(bound.trace.groups, saved, strict=True)
    )


@dataclass(frozen=True, slots=True)
class Lesson:
    """A skill that an agent could learn, and what the bound of the mean wait is without and with.

    In slots; `saved` is the difference. The pace of the agent stays as it is.
    """

    agent: str
    skill: str
    before: float
    after: float

    @property
    def saved(self) -> float:
        """By how many slots the mean wait falls."""
        return self.before - self.after


def teach(bound: Hindsight, agent: str, skill: str) -> Lesson:
    """Solve again with the skill; raises LabError if the agent is unknown or has it."""
    trace = bound.trace
    pupils = [a for a in trace.agents if a.name == agent and skill not in a.skills]
    if not pupils:
        raise LabError(f"There is no agent {agent} without the skill {skill}")
    agents = tuple(
        replace(a, skills=a.skills | {skill}) if a in pupils else a for a in trace.agents
    )
    after = hindsight_bound(Trace(trace.tickets, agents)).mean_wait
    return Lesson(agent, skill, bound.mean_wait, after)


def skill_reduced_cost(bound: Hindsight, group: AgentGroup, skill: str) -> float:
    """Return the least reduced cost of the slots of work that the skill would open to a group.

    Negative means that teaching it may help, 0 or more that it cannot; the size is in slots of wait
    per slot of work. Much cheaper than `teach`, so it says whom to try.
    """
    trace, solution = bound.trace, bound.solution
    taught = replace(group, skills=group.skills | {skill})
    staff = group.staff(trace.horizon)
    agent_prices = solution.agent_prices[trace.groups.index(group)]
    pays = np.inf
    for number, ticket in enumerate(trace.tickets):
        if group.may_serve(ticket) or not taught.may_serve(ticket):
            continue
        duration = group.duration(ticket)
        first = int(ticket.released)
        slots = first + np.flatnonzero(staff[first:])
        reduced = (
            wait_per_work(slots, ticket, duration)
            - solution.ticket_prices[number] / duration
            + agent_prices[slots]
            + solution.one_agent_prices[[number], :].toarray()[0, slots]
        )
        pays = min(pays, float(reduced.min(initial=np.inf)))
    return pays
