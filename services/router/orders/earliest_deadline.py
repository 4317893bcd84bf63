"""Earliest deadline first, with a guard against overload."""

from math import inf

from services.router.model import Context
from services.router.orders.base import Order, Waiting, savable


class EarliestDeadline(Order):
    """Tickets by deadline; one that cannot be in time any more steps back behind those that can.

    Plain EDF in overload works on what is late already while what could be saved gets late too (the
    domino effect). A ticket is savable while `now + handling <= due`; among such EDF loses the
    fewest (Kruk et al., Annals of Applied Probability 21, 2011). A late ticket gets a second
    deadline, `patience` times its target after the first, and so nothing waits for ever: whatever
    is created after that second deadline goes behind it, savable or not.
    """

    name = "earliest_deadline"

    def __init__(self, patience: float = 2.0) -> None:
        if not 0 <= patience < inf:
            raise ValueError(f"patience is {patience!r}; it must be a number, 0 or above")
        self._patience = patience

    def key(self, ticket: Waiting, context: Context) -> tuple[float, ...]:
        """Return the deadline that counts, as a POSIX time."""
        due = ticket.due_at.timestamp()
        if savable(ticket, context.now):
            return (due,)
        target_s = due - ticket.created_at.timestamp()
        return (due + self._patience * target_s,)
