"""First come, first served."""

from services.router.model import Context
from services.router.orders.base import Order, Waiting


class FirstCome(Order):
    """Tickets by age, the oldest first; neither priority nor deadline counts.

    Only what was there before goes before a ticket, so it waits no longer than that work takes.
    """

    name = "first_come"

    def key(self, ticket: Waiting, context: Context) -> tuple[float, ...]:
        """Return when the ticket was created, as a POSIX time."""
        return (ticket.created_at.timestamp(),)
