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


class OwnerMailKind(StrEnum):
    """Which mail to the owner of a webhook a delivery is."""

    WEBHOOK_FAILING = "webhook_failing"
    WEBHOOK_DISABLED = "webhook_disabled"
    WEBHOOK_RECOVERED = "webhook_recovered"


#: Ranks of the delivery lists: live first attempts, live retries, then everything in bulk.
FIRST_ATTEMPT_RANK = 0
RETRY_RANK = 10
BULK_RANK = 20
