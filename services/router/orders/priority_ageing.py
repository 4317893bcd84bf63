"""Priority, that grows with age."""

from math import inf

from services.router.model import Context
from services.router.orders.base import Order, Waiting


class PriorityAgeing(Order):
    """A step of priority is worth `hours_per_step` hours of waiting.

    The key is the time of creation plus the rank (0 for critical to 3 for low) times the step, so
    it never changes while a ticket waits (Jackson's dynamic priorities, Naval Research Logistics
    Quarterly 7, 1960). Whoever comes more than `3 * hours_per_step` later goes behind any ticket,
    so none starves.
    """

    name = "priority_ageing"

    def __init__(self, hours_per_step: float = 24.0) -> None:
        if not 0 < hours_per_step < inf:
            raise ValueError(f"hours_per_step is {hours_per_step!r}; it must be a number above 0")
        self._step_s = 3600.0 * hours_per_step

    def key(self, ticket: Waiting, context: Context) -> tuple[float, ...]:
        """Return the time at which the ticket would have come had it been critical (POSIX)."""
        return (ticket.created_at.timestamp() + ticket.priority.rank * self._step_s,)
