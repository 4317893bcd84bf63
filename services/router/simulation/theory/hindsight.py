"""L4, the hindsight bound: the least total wait of one recorded day, all known in advance.

Agents may interrupt and hand over work at will, so every real schedule of the same tickets fits
into the linear program, even a clairvoyant one; work begun in a shift must be done in it (count an
agent who stays longer as on shift). No ticket gets two agents at a time: without that rule the
bound is next to nothing. Derived for this project.

What lies between it and a policy is regret and the value of knowing the future, mixed: report it
beside the pooled replay bound.
"""

from dataclasses import dataclass

import numpy as np

from services.router.simulation.theory import hindsight_program
from services.router.simulation.theory.errors import TooLarge, Unservable
from services.router.simulation.theory.hindsight_program import Solution
from services.router.simulation.theory.slot_windows import first_windows, staffing, wanted_end
from services.router.simulation.theory.subsets import Integers
from services.router.simulation.theory.trace import Trace

#: A few minutes of work; 60 tickets of half an hour with 6 groups have about 30,000.
MAX_COLUMNS = 400_000


@dataclass(frozen=True, slots=True)
class Hindsight:
    """The bound, in slots of wait, and what it was made of.

    `solution` has the prices; `columns` and `rounds` say how large the program was and how often it
    was solved until no window was too narrow.
    """

    trace: Trace
    solution: Solution
    columns: int
    rounds: int

    @property
    def total_wait(self) -> float:
        """No schedule of these tickets waits less in total."""
        return self.solution.total_wait

    @property
    def mean_wait(self) -> float:
        """No schedule of these tickets waits less on average."""
        return self.solution.total_wait / len(self.trace.tickets)


def hindsight_bound(trace: Trace, max_columns: int = MAX_COLUMNS) -> Hindsight:
    """Return the bound.

    Raises Unservable if the shifts end before the work does, TooLarge above `max_columns`.
    """
    staff = staffing(trace.groups, trace.horizon)
    ends = first_windows(trace, staff)
    rounds = 0
    while True:
        rounds += 1
        chosen = hindsight_program.columns(trace, staff, ends)
        if len(chosen.cost) > max_columns:
            raise TooLarge(
                f"{len(trace.tickets)} tickets make {len(chosen.cost)} slots of work to choose from"
                f" (at most {max_columns}): take longer slots or a shorter piece of the log"
            )
        solution = hindsight_program.solve(trace, staff, chosen)
        wider = np.full_like(ends, staff.shape[1])
        if solution is not None:
            wider = _wanted_ends(trace, staff, ends, solution)
            if (wider == ends).all():
                return Hindsight(trace, solution, len(chosen.cost), rounds)
        elif (ends == staff.shape[1]).all():
            raise Unservable(
                "The agents who may serve these tickets are not on shift long enough to do all the "
                "work: prolong shifts or leave the last tickets out"
            )
        ends = wider


def _wanted_ends(trace: Trace, staff: Integers, ends: Integers, solution: Solution) -> Integers:
    prices = np.where(staff > 0, solution.agent_prices, np.inf)
    lengths = hindsight_program.durations(trace)
    return np.array(
        [
            wanted_end(ticket, lengths[number], price, int(ends[number]), prices)
            for number, (ticket, price) in enumerate(
                zip(trace.tickets, solution.ticket_prices, strict=True)
            )
        ]
    )
