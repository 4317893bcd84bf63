"""The facts that Patchbay tells: event types, in the past participle."""

from enum import StrEnum


class EventType(StrEnum):
    """Every event type; `shared.schemas.events` has the body and version of each."""

    TICKET_CREATED = "ticket.created"
    TICKET_OFFERED = "ticket.offered"
    TICKET_DECLINED = "ticket.declined"
    TICKET_ASSIGNED = "ticket.assigned"
    TICKET_WAITING = "ticket.waiting"
    TICKET_RETURNED = "ticket.returned"
    TICKET_TRANSFERRED = "ticket.transferred"
    TICKET_ATTACHED = "ticket.attached"
    TICKET_UPDATED = "ticket.updated"
    TICKET_COMMENTED = "ticket.commented"
    TICKET_PENDING = "ticket.pending"
    TICKET_HELD = "ticket.held"
    TICKET_RESUMED = "ticket.resumed"
    TICKET_RESOLVED = "ticket.resolved"
    TICKET_VERIFIED = "ticket.verified"
    TICKET_RATED = "ticket.rated"
    TICKET_CLOSED = "ticket.closed"
    TICKET_REOPENED = "ticket.reopened"
    TICKET_CANCELLED = "ticket.cancelled"
    TICKET_MARKED_SPAM = "ticket.marked_spam"
    TICKET_RESTORED = "ticket.restored"
    TICKET_LINKED = "ticket.linked"
    TICKET_UNLINKED = "ticket.unlinked"
    TICKET_MERGED = "ticket.merged"
    TICKET_SLA_WARNED = "ticket.sla_warned"
    TICKET_SLA_BREACHED = "ticket.sla_breached"


class OperationalEventType(StrEnum):
    """What is told about webhooks themselves; only to those who ask for it by name."""

    WEBHOOK_TEST = "webhook.test"
    WEBHOOK_FAILING = "webhook.failing"
    WEBHOOK_RECOVERED = "webhook.recovered"
    WEBHOOK_DISABLED = "webhook.disabled"
