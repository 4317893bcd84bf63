"""How news travels: the channels of a delivery and the kinds of mail."""

from enum import StrEnum


class DeliveryChannel(StrEnum):
    """By which way an event reaches a receiver."""

    WEBHOOK = "webhook"
    EMAIL = "email"


class MailKind(StrEnum):
    """Which mail an e-mail delivery is; each is a template of the same name."""

    TICKET_RECEIVED = "ticket_received"
    TICKET_ASSIGNED = "ticket_assigned"
    TICKET_RESOLVED = "ticket_resolved"


#: Ranks of the delivery lists: live first attempts, live retries, everything in bulk, and last what
#: is sent again because somebody asked. What is sent again holds up no later event of its ticket.
FIRST_ATTEMPT_RANK = 0
RETRY_RANK = 10
BULK_RANK = 20
REPLAY_RANK = 30
