"""What an order is."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar

from services.router.model import Context
from shared.domain.ticket import Priority


@dataclass(frozen=True, slots=True)
class Waiting:
    """A waiting ticket as an order sees it.

    `handling_s` is the work that is expected of it, `signature` that of its need. `queued` says how
    many tickets wait with that need, for orders that ask for it by `counts`.
    """

    id: str
    priority: Priority
    created_at: datetime
    due_at: datetime
    handling_s: float = 0.0
    signature: str = ""
    queued: int = 1


class Order(ABC):
    """Says which of several waiting tickets a free agent takes first. Pure.

    Within one class (equal need and priority) two heads are read: the oldest ticket, and the oldest
    that is `savable`. So an order must not prefer the younger of two tickets that differ in nothing
    but age, unless it is savable and the older is not.
    """

    name: ClassVar[str]
    counts: ClassVar[bool] = False

    @abstractmethod
    def key(self, ticket: Waiting, context: Context) -> tuple[float, ...]:
        """Return a sort key; the smallest goes first."""


def savable(ticket: Waiting, now: datetime) -> bool:
    """Tell whether a ticket would still be in time if somebody began it now."""
    return now + timedelta(seconds=ticket.handling_s) <= ticket.due_at
