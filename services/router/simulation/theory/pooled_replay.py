"""L1, the pooled replay bound: the real arrivals through one queue, every agent able to serve all.

The k-th service time drawn belongs to the k-th *start*, not to a ticket. Then no policy starts its
k-th ticket sooner than the pooled queue does, path by path, if it never looks at service times,
does not interrupt, and gets the same draws by order of start. Recorded handling times that belong
to tickets give the floor in expectation only.

Proof: keep for each server the time from which it is free, sorted. A start replaces the smallest
that is due by a later one, the end of a shift takes one away, the beginning of a shift adds one.
Every step keeps the pooled list below the policy's, place by place, if at the end of a shift the
pooled queue gives up its *largest* entry: whoever leaves takes the longest job along, even where
others are idle. Exchanging a start with a later change of shift does not raise the list either.
Derived for this project; Kiefer & Wolfowitz 1955 for the sorted list of a queue with n servers.

The floor is one of the mean wait only: another order can beat its share of short waits.
"""

import heapq
from bisect import insort
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from services.router.simulation.theory.errors import LabError, Unservable


@dataclass(frozen=True, slots=True)
class Shift:
    """One server from `start` to before `end`. A job begun in it may end later."""

    start: float
    end: float


@dataclass(frozen=True, slots=True)
class PooledReplay:
    """The floor of the mean wait, and the start times that it comes from, in units of time."""

    mean_wait: float
    starts: tuple[float, ...]


def pooled_replay(
    arrivals: Sequence[float], services: Sequence[float], servers: int
) -> PooledReplay:
    """Return the floor for a constant number of servers.

    `arrivals` ascend; `services[k]` is for the k-th start. An agent who handles several tickets at
    a time counts as that many servers. With service that depends on class or agent, draw from the
    stochastically smallest law. Raises LabError on times out of order or fewer services than
    arrivals.
    """
    _check(arrivals, services)
    if servers < 1:
        raise Unservable("There is no server: the tickets wait for ever")
    free = [float("-inf")] * servers
    starts = []
    for arrival, service in zip(arrivals, services, strict=False):
        start = max(arrival, free[0])
        heapq.heapreplace(free, start + service)
        starts.append(start)
    return _result(arrivals, starts)


def pooled_replay_with_shifts(
    arrivals: Sequence[float], services: Sequence[float], shifts: Sequence[Shift]
) -> PooledReplay:
    """Return the floor for servers that come and go; a shift for each server and working day.

    The numbers on duty would not do: at a hand-over they stay the same, yet a fresh server comes.
    Raises as `pooled_replay`, and Unservable if tickets are left when the last shift ends.
    """
    _check(arrivals, services)
    changes = sorted(
        [(shift.start, 1) for shift in shifts if shift.start < shift.end]
        + [(shift.end, 0) for shift in shifts if shift.start < shift.end]
    )
    free: list[float] = []
    starts = []
    next_change = 0
    for arrival, service in zip(arrivals, services, strict=False):
        while True:
            start = max(arrival, free[0]) if free else float("inf")
            if next_change == len(changes) or changes[next_change][0] > start:
                break
            time, begins = changes[next_change]
            next_change += 1
            if begins:
                insort(free, time)
            else:
                free.pop()
        if not free:
            raise Unservable(
                f"Nobody is on shift for the ticket that arrives at {arrival:g}: add shifts"
            )
        del free[0]
        insort(free, start + service)
        starts.append(start)
    return _result(arrivals, starts)


def _check(arrivals: Sequence[float], services: Sequence[float]) -> None:
    if not arrivals or len(services) < len(arrivals):
        raise LabError(
            f"{len(arrivals)} arrivals and {len(services)} service times: give at least one "
            "arrival, and a service time for each"
        )
    if any(later < earlier for earlier, later in pairwise(arrivals)):
        raise LabError("Arrivals must ascend: sort them by time")
    if min(services) < 0:
        raise LabError("A service time is negative")


def _result(arrivals: Sequence[float], starts: Sequence[float]) -> PooledReplay:
    total = sum(start - arrival for start, arrival in zip(starts, arrivals, strict=True))
    return PooledReplay(total / len(starts), tuple(starts))
