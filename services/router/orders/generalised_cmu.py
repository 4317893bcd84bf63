"""Where waiting costs most and work ends it soonest: the generalised c-mu rule."""

from collections.abc import Mapping
from math import inf

from services.router.model import Context
from services.router.orders.base import Order, Waiting
from shared.domain.ticket import Priority

#: Handling time, in seconds, where neither the ticket nor the desk knows one.
UNKNOWN_S = 3600.0
#: Far beyond what anybody means, and short of what overflows.
MAX_K = 10


class GeneralisedCmu(Order):
    """The largest `C'(D) * mu` first, with the cost `C(D) = w * (D / T)^k` of an age `D`.

    `T` is the target (creation to deadline), `mu` one by the expected handling time, so the index
    is `w * k * D^(k-1) / T^k * mu`: optimal in heavy traffic for convex costs (Mandelbaum &
    Stolyar, Operations Research 52(6), 2004). `k` is from 2 to 10. `weights` gives `w` by priority,
    1 if not named. Without `weights` a ticket weighs as much as its target, which makes the index
    `k * (D / T)^(k-1) * mu`: who has used up most of their target goes first.

    While urgent tickets are served at a share `q` of their target, a ticket of equal handling time
    waits until it has used up the same share of its own: no longer than `q * T` without `weights`.
    If urgent tickets grow ever later, so does everything else; the other orders are firmer there.
    """

    name = "generalised_cmu"

    def __init__(self, k: float = 2.0, weights: Mapping[str, float] | None = None) -> None:
        if not 2 <= k <= MAX_K:
            raise ValueError(f"k is {k!r}; it must be from 2 to {MAX_K}")
        self._k = k
        self._weights = None if weights is None else _weights(weights)

    def key(self, ticket: Waiting, context: Context) -> tuple[float, ...]:
        """Return the index, negative, and the time of creation for those of the same index."""
        created = ticket.created_at.timestamp()
        age_s = max(0.0, context.now.timestamp() - created)
        target_s = max(1.0, ticket.due_at.timestamp() - created)
        weight = target_s if self._weights is None else self._weights[ticket.priority]
        cost = weight / target_s * self._k * (age_s / target_s) ** (self._k - 1)
        return (-cost / _handling_s(ticket, context), created)


def _weights(given: Mapping[str, float]) -> dict[Priority, float]:
    unknown = set(given) - {priority.value for priority in Priority}
    if unknown:
        raise ValueError(f"weights names {', '.join(sorted(unknown))}, which is no priority")
    if not all(0 < weight < inf for weight in given.values()):
        raise ValueError("weights must be above 0: a priority of weight 0 would never be served")
    return {priority: float(given.get(priority.value, 1.0)) for priority in Priority}


def _handling_s(ticket: Waiting, context: Context) -> float:
    if ticket.handling_s > 0:
        return ticket.handling_s
    usual = context.usual.get("")
    return usual.handling_s if usual is not None and usual.handling_s > 0 else UNKNOWN_S
