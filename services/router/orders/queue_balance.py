"""The longest queue first, with a bias for classes whose agents are wanted by others too."""

from collections.abc import Mapping

from services.router.model import Context
from services.router.orders.base import Order, Waiting


class QueueBalance(Order):
    """Takes from the class with the largest `queued + bias`, and of that the oldest ticket.

    Serving the longest queue keeps all of them from running empty, and so agents from standing idle
    while others have too much. It is queue-and-idleness-ratio control with equal shares (Gurvich &
    Whitt, Mathematics of Operations Research 34(2), 2009). `bias`, by the signature of a need, is
    for classes that share all of their agents with others; `patchbay simulate` shows what it does.
    The priority decides first if `by_priority` is set. An old ticket alone in its class may wait
    long while others queue: this order is for short mean waits, not for deadlines.
    """

    name = "queue_balance"
    counts = True

    def __init__(
        self, bias: Mapping[str, float] | None = None, *, by_priority: bool = True
    ) -> None:
        self._bias = dict(bias or {})
        self._by_priority = by_priority

    def key(self, ticket: Waiting, context: Context) -> tuple[float, ...]:
        """Return the rank of the priority, the queue with its bias from long to short, the age."""
        rank = ticket.priority.rank if self._by_priority else 0
        queue = ticket.queued + self._bias.get(ticket.signature, 0.0)
        return (rank, -queue, ticket.created_at.timestamp())
