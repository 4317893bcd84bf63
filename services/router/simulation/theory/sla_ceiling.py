"""L6, the ceiling of the share on time: as many first responses by their due times as can be.

If a first response takes an agent one slot at least, then the responses on time are a matching of
tickets to (group, slot) between release and due time, with the staff as capacity. The greatest one
is a maximum flow (Dinic 1970). All else that agents do is left out, so no policy answers more on
time.
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import maximum_flow

from services.router.simulation.theory.errors import TooLarge
from services.router.simulation.theory.slot_windows import staffing
from services.router.simulation.theory.subsets import Integers
from services.router.simulation.theory.trace import Trace

#: Half a minute of work.
MAX_EDGES = 2_000_000


@dataclass(frozen=True, slots=True)
class SlaCeiling:
    """At most `on_time` of `tickets` can have their first response begin by the due time."""

    on_time: int
    tickets: int

    @property
    def share(self) -> float:
        """The ceiling as a share from 0 to 1."""
        return self.on_time / self.tickets


def sla_ceiling(trace: Trace, max_edges: int = MAX_EDGES) -> SlaCeiling:
    """Return how many first responses can begin between release and due time, both included.

    Tickets without a due time count as on time. Raises TooLarge above `max_edges` choices of a slot
    and a group for a ticket.
    """
    due = [number for number, ticket in enumerate(trace.tickets) if ticket.due < math.inf]
    if not due:
        return SlaCeiling(len(trace.tickets), len(trace.tickets))
    horizon = max(0, *(math.ceil(trace.tickets[number].due) for number in due)) + 1
    staff = staffing(trace.groups, horizon)
    choices = [_cells(trace, number, staff) for number in due]
    edges = sum(map(len, choices))
    if edges > max_edges:
        raise TooLarge(
            f"{len(due)} tickets have {edges} slots to be answered in (at most {max_edges}): take "
            "longer slots or a shorter piece of the log"
        )
    matched = _matched(choices, staff.ravel()) if edges else 0
    return SlaCeiling(matched + len(trace.tickets) - len(due), len(trace.tickets))


def _cells(trace: Trace, number: int, staff: Integers) -> Integers:
    """Return the cells group * horizon + slot in which a response would be on time.

    A response that begins within a slot takes parts of two; the second one counts as well.
    """
    ticket = trace.tickets[number]
    horizon = staff.shape[1]
    slots = np.arange(int(ticket.released), math.ceil(ticket.due) + 1)
    if ticket.due < ticket.released:
        return slots[:0]
    able = np.flatnonzero([group.may_serve(ticket) for group in trace.groups])
    cells: Integers = (able[:, np.newaxis] * horizon + slots).ravel()
    return cells[staff.ravel()[cells] > 0]


def _matched(choices: list[Integers], room: Integers) -> int:
    """Return the maximum flow from a source over tickets and cells to a sink."""
    count = len(choices)
    source, sink = count + len(room), count + len(room) + 1
    tickets, used = np.arange(count), np.flatnonzero(room)
    tails = [np.full(count, source), np.repeat(tickets, [len(c) for c in choices]), count + used]
    heads = [tickets, count + np.concatenate(choices), np.full(len(used), sink)]
    amounts = np.concatenate([np.ones(count + len(heads[1])), room[used]]).astype(np.int32)
    graph = csr_array(
        (amounts, (np.concatenate(tails), np.concatenate(heads))), shape=(sink + 1, sink + 1)
    )
    return int(maximum_flow(graph, source, sink).flow_value)
