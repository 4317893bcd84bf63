"""The linear program of L4: a column for each slot of work that a group could do on a ticket."""

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array

from services.router.simulation.theory.linear_program import minimise
from services.router.simulation.theory.slot_windows import wait_per_work
from services.router.simulation.theory.subsets import Floats, Integers
from services.router.simulation.theory.trace import Trace

#: Agents added to each group and slot while solving. Where a ticket and its only agent are busy
#: with each other, either could have the price; so it goes to the ticket, as one agent more saves
#: nothing there.
_SPARE = 1e-5


@dataclass(frozen=True, slots=True)
class Columns:
    """Ticket, group and slot of each column, the slots of work for the ticket, and the cost."""

    ticket: Integers
    group: Integers
    slot: Integers
    duration: Floats
    cost: Floats


@dataclass(frozen=True, slots=True)
class Solution:
    """The optimum and its prices, all in slots of wait.

    `ticket_prices` [tickets] are what one ticket more like it would cost; `agent_prices` [groups,
    horizon] what one agent more would save in a slot; `one_agent_prices`, sparse, [tickets,
    horizon] what a second agent on a ticket at the same time would save.
    """

    total_wait: float
    ticket_prices: Floats
    agent_prices: Floats
    one_agent_prices: csr_array


def durations(trace: Trace) -> Floats:
    """Return the slots of work by ticket and group, infinite where the group lacks a skill."""
    groups = trace.groups
    return np.array(
        [
            [g.duration(ticket) if g.may_serve(ticket) else np.inf for g in groups]
            for ticket in trace.tickets
        ]
    )


def columns(trace: Trace, staff: Integers, ends: Integers) -> Columns:
    """Lay out the columns for windows that end at `ends` [tickets]."""
    tickets, groups, slots, lengths, costs = [], [], [], [], []
    for number, row in enumerate(durations(trace)):
        ticket = trace.tickets[number]
        first = int(ticket.released)
        for group in np.flatnonzero(np.isfinite(row)):
            window = first + np.flatnonzero(staff[group, first : ends[number]])
            tickets.append(np.full(len(window), number))
            groups.append(np.full(len(window), group))
            slots.append(window)
            lengths.append(np.full(len(window), row[group]))
            costs.append(wait_per_work(window, ticket, float(row[group])))
    return Columns(*map(np.concatenate, (tickets, groups, slots, lengths, costs)))


def solve(trace: Trace, staff: Integers, chosen: Columns) -> Solution | None:
    """Solve the program of these columns; None if the work does not fit into them.

    Rows: all work of each ticket is done; no group works more than its staff; no ticket is worked
    on by more than one agent at a time, nor before it was released. Raises LabError if the solver
    gives up.
    """
    horizon = staff.shape[1]
    members, member_row = np.unique(chosen.group * horizon + chosen.slot, return_inverse=True)
    moments, moment_row = np.unique(chosen.ticket * horizon + chosen.slot, return_inverse=True)
    count = len(chosen.cost)
    every = np.arange(count)
    released = np.array([ticket.released for ticket in trace.tickets])
    room = np.minimum(1.0, moments % horizon + 1 - released[moments // horizon])
    work = csr_array((1 / chosen.duration, (chosen.ticket, every)), shape=(len(released), count))
    rows = np.concatenate([member_row, len(members) + moment_row])
    limits = csr_array(
        (np.ones(2 * count), (rows, np.tile(every, 2))),
        shape=(len(members) + len(moments), count),
    )
    optimum = minimise(
        chosen.cost,
        equal=(work, np.ones(len(released))),
        at_most=(limits, np.concatenate([staff.ravel()[members] + _SPARE, room])),
    )
    if optimum is None:
        return None
    saved = -optimum.at_most_slopes
    agent_prices = np.zeros(staff.size)
    agent_prices[members] = saved[: len(members)]
    return Solution(
        # The same prices without the spare agents: by weak duality still below every schedule.
        total_wait=max(0.0, optimum.value + _SPARE * float(agent_prices.sum())),
        ticket_prices=optimum.equal_slopes,
        agent_prices=agent_prices.reshape(staff.shape),
        one_agent_prices=csr_array(
            (saved[len(members) :], (moments // horizon, moments % horizon)),
            shape=(len(trace.tickets), horizon),
        ),
    )
