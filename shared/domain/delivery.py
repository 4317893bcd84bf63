"""How news travels: the channels of a delivery and the kinds of mail."""

from enum import StrEnum


class DeliveryChannel(StrEnum):
    """By which way an event reaches a receiver."""

    WEBHOOK = "webhook"
    EMAIL = "email"


class MailKind(StrEnum):
    """Which mail an e-mail delivery is; each is a template of the same name."""

    TICKET_RECEIVED = "ticket_received"
    DETAILS_NEEDED = "details_needed"
    TICKET_ANSWERED = "ticket_answered"
    STATUS_CHANGED = "status_changed"
    TICKET_RESOLVED = "ticket_resolved"
    RATING_REQUESTED = "rating_requested"
    TICKET_CLOSED = "ticket_closed"
    TICKET_ASSIGNED = "ticket_assigned"
    TICKET_OFFERED = "ticket_offered"
    TICKET_REASSIGNED = "ticket_reassigned"
    ANSWER_ARRIVED = "answer_arrived"
    SLA_WARNED = "sla_warned"
    SLA_BREACHED = "sla_breached"
    DIGEST = "digest"


class OwnerMailKind(StrEnum):
    """Which mail to the owner of a webhook a delivery is; each is a template of the same name."""

    WEBHOOK_FAILING = "webhook_failing"
    WEBHOOK_DISABLED = "webhook_disabled"
    WEBHOOK_RECOVERED = "webhook_recovered"


#: Any mail there is.
AnyMail = MailKind | OwnerMailKind

#: Mails to agents; all others go to requesters.
AGENT_MAILS = frozenset(
    {
        MailKind.TICKET_ASSIGNED,
        MailKind.TICKET_OFFERED,
        MailKind.TICKET_REASSIGNED,
        MailKind.ANSWER_ARRIVED,
        MailKind.SLA_WARNED,
        MailKind.SLA_BREACHED,
        MailKind.DIGEST,
    }
)

#: Words of a person at the desk: no machine's mail, and lost if they are not sent.
WRITTEN_MAILS = frozenset({MailKind.TICKET_ANSWERED, MailKind.DETAILS_NEEDED})

#: What requesters may do without: it does not carry the ticket on.
OPTIONAL_MAILS = frozenset(
    {MailKind.STATUS_CHANGED, MailKind.RATING_REQUESTED, MailKind.TICKET_CLOSED}
)

#: What cannot wait for the end of quiet hours or the next digest.
URGENT_MAILS = frozenset({MailKind.TICKET_OFFERED, MailKind.SLA_WARNED, MailKind.SLA_BREACHED})

#: Ranks of the delivery lists: live first attempts, live retries, everything in bulk, and last what
#: is sent again because somebody asked. What is sent again holds up no later event of its ticket.
FIRST_ATTEMPT_RANK = 0
RETRY_RANK = 10
BULK_RANK = 20
#: Mails that wait for a morning or a digest; no other mail of their ticket waits for them.
HELD_RANK = 25
REPLAY_RANK = 30
