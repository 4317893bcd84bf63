"""L3, the exact optimum of a small system, by relative value iteration.

The least mean wait that any policy reaches which sees queues and busy agents but not service times.
Each pass brackets the long-run mean number waiting between the least and the greatest change of
value (Puterman, Markov Decision Processes, 1994, section 8.5); the bracket is the certificate.

It is exact for the system whose queues end at `queue_limit`, where a ticket that finds its queue
full is lost. `lower` is a floor for the whole system as well: a policy there can be copied here,
with pauses in place of the lost tickets. Raise the limit until the answer stays the same.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from services.router.simulation.theory.errors import LabError
from services.router.simulation.theory.state_space import StateSpace
from services.router.simulation.theory.subsets import Floats, Integers, check_stable, subset_rates
from services.router.simulation.theory.system import System

MAX_PASSES = 100_000


@dataclass(frozen=True, slots=True)
class Bracket:
    """A mean wait in units of time is at least `lower` and at most `upper`."""

    lower: float
    upper: float


@dataclass(frozen=True, slots=True)
class SmallOptimum:
    """The optimal mean wait, a policy that reaches it, and the mean wait of that very policy.

    `policy` has the shape of the state space; it holds for each state the flat index of the state
    to move to at once by assignments.
    """

    optimum: Bracket
    policy: Integers
    policy_wait: Bracket


def small_optimum(system: System, queue_limit: int = 18, tolerance: float = 1e-4) -> SmallOptimum:
    """Return the optimum with brackets no wider than `tolerance` times the wait.

    Raises Unstable, TooLarge, and LabError if the brackets do not close.
    """
    check_stable(system, subset_rates(system))
    space = StateSpace(system, queue_limit)
    optimum, values = _iterate(space, space.assign, tolerance, np.zeros(space.shape))
    policy = space.best_assignments(values)
    kept, _ = _iterate(space, lambda ahead: ahead.ravel()[policy], tolerance, values)
    return SmallOptimum(optimum, policy, kept)


def policy_wait(space: StateSpace, policy: Integers, tolerance: float = 1e-4) -> Bracket:
    """Return the exact mean wait of a policy given as in `SmallOptimum`.

    An index rule is such a policy: `space.best_assignments(values)` with any values to make small.
    """
    start = np.zeros(space.shape)
    return _iterate(space, lambda values: values.ravel()[policy], tolerance, start)[0]


def _iterate(
    space: StateSpace, assign: Callable[[Floats], Floats], tolerance: float, values: Floats
) -> tuple[Bracket, Floats]:
    """Iterate from `values` until the bracket closes; return it and the relative values."""
    cost = space.queue_lengths().sum(axis=0) / space.rate
    # Per event and state to mean wait: times events a unit of time, by Little's law.
    scale = space.rate / space.system.arrival_rate
    for _ in range(MAX_PASSES):
        after = cost + space.after_event(assign(values))
        change = after - values
        bracket = Bracket(float(change.min()) * scale, float(change.max()) * scale)
        values = after - after.flat[0]
        if bracket.upper - bracket.lower <= tolerance * bracket.upper:
            return bracket, values
    raise LabError(
        f"The optimum did not settle in {MAX_PASSES} passes ({bracket.lower:g} to "
        f"{bracket.upper:g}): lower the queue limit or allow a wider bracket"
    )
