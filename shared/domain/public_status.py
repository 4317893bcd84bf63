"""Where a ticket stands in the customer's words: fewer than the desk's own, and none about spam."""

from enum import StrEnum

from shared.domain.ticket import TicketStatus


class PublicStatus(StrEnum):
    """What a customer is told of the status; pages and mails have the words for each."""

    RECEIVED = "received"
    IN_PROGRESS = "in_progress"
    WAITING_FOR_YOU = "waiting_for_you"
    ON_HOLD = "on_hold"
    SOLVED = "solved"
    CLOSED = "closed"
    CANCELLED = "cancelled"
    JOINED = "joined"


_WORDS = {
    TicketStatus.NEW: PublicStatus.RECEIVED,
    TicketStatus.OPEN: PublicStatus.IN_PROGRESS,
    TicketStatus.PENDING_CUSTOMER: PublicStatus.WAITING_FOR_YOU,
    TicketStatus.ON_HOLD: PublicStatus.ON_HOLD,
    TicketStatus.RESOLVED: PublicStatus.SOLVED,
    TicketStatus.CLOSED: PublicStatus.CLOSED,
    TicketStatus.CANCELLED: PublicStatus.CANCELLED,
    TicketStatus.MERGED: PublicStatus.JOINED,
    # Whoever sends spam learns nothing, and whoever did not is not insulted.
    TicketStatus.SPAM: PublicStatus.CLOSED,
}


def public_status(status: TicketStatus) -> PublicStatus:
    """Return what a customer is told of a status."""
    return _WORDS[status]
