"""Which slots of work the linear program of L4 offers to each ticket.

All slots until everything is done would be too many. A window that cuts off a slot which the
optimum wants would make the "bound" too high, so windows start where a simple schedule fits and are
widened until the prices prove that no slot outside could help.
"""

import math

import numpy as np

from services.router.simulation.theory.subsets import Floats, Integers
from services.router.simulation.theory.trace import AgentGroup, Trace, TraceTicket

#: What counts as zero, in slots of wait.
TOLERANCE = 1e-7


def staffing(groups: tuple[AgentGroup, ...], horizon: int) -> Integers:
    """Return the tickets that each group handles at a time, of shape [groups, horizon]."""
    return np.array([group.staff(horizon) for group in groups])


def wait_per_work(slots: Integers | Floats, ticket: TraceTicket, duration: float) -> Floats:
    """Return what a slot of work on a ticket in each of the slots adds to the wait, in slots.

    A ticket served in one go adds up to its wait exactly if its work is whole slots. If not, up to
    part * (1 - part) / (2 * duration) more could come out of the middles of the first and last slot
    of work; that much is taken off, so that the sum never exceeds the wait.
    """
    part = duration % 1
    lag = (slots + 0.5 - ticket.released) / duration - 0.5
    return np.asarray(lag - part * (1 - part) / (2 * duration * duration), dtype=np.float64)


def first_windows(trace: Trace, staff: Integers) -> Integers:
    """Return the end of a window for each ticket: where first come, first served, is done with it.

    A ticket that finds no room gets all slots until the horizon.
    """
    groups = trace.groups
    horizon = staff.shape[1]
    left = staff.astype(float)
    ends = np.full(len(trace.tickets), horizon)
    for number in sorted(range(len(trace.tickets)), key=lambda j: trace.tickets[j].released):
        ticket = trace.tickets[number]
        chosen = [(g.duration(ticket), i) for i, g in enumerate(groups) if g.may_serve(ticket)]
        undone = 1.0
        for slot in range(int(ticket.released), horizon):
            room = min(1.0, slot + 1 - ticket.released)
            for duration, group in sorted(chosen):
                work = min(room, left[group, slot], undone * duration)
                left[group, slot] -= work
                room -= work
                undone -= work / duration
            if undone <= TOLERANCE:
                ends[number] = slot + 1
                break
    return ends


def wanted_end(
    ticket: TraceTicket, durations: Floats, price: float, end: int, agent_prices: Floats
) -> int:
    """Return where the window of a ticket should end so that no slot after it could help.

    A slot of work outside helps if its wait plus the price of the agents there is below the price
    of the ticket per slot of work. `durations` are of shape [groups], infinite for groups that may
    not serve the ticket; `agent_prices` of shape [groups, horizon], infinite without staff.
    """
    wanted = end
    horizon = agent_prices.shape[1]
    for group in np.flatnonzero(np.isfinite(durations)):
        duration = float(durations[group])
        # From here on the wait alone is above the price.
        limit = math.ceil(ticket.released + price + duration / 2 + 1 / duration) + 1
        slots = np.arange(end, max(end, min(limit, horizon)))
        reduced = wait_per_work(slots, ticket, duration) - price / duration
        helpful = slots[reduced + agent_prices[group, slots] < -TOLERANCE]
        wanted = max(wanted, int(helpful[-1]) + 1) if len(helpful) else wanted
    return wanted
