"""The one place that changes tickets.

Every change checks the lifecycle, raises the version, appends the event, keeps the agents' load
true and puts the event on the outbox, all in the caller's transaction. No service writes to
tickets, ticket_events, assignments or agents.load in any other way.
"""

from shared.db.ticket_changes.assign import (
    NEVER,
    Binding,
    Kept,
    Offer,
    Parking,
    accept,
    assign,
    decline,
    keep,
    look_at_waiting,
    park,
    reserve,
    take_back,
)
from shared.db.ticket_changes.attach import (
    attach,
    attachment_document,
    bind_uploads,
    choose_uploads,
    detach,
    new_attachment,
    put_back_uploads,
    take_uploads,
    with_url,
)
from shared.db.ticket_changes.by_hand import Asked, assign_by_hand, transfer
from shared.db.ticket_changes.create import NewTicket, create, draft
from shared.db.ticket_changes.journal import ticket_document
from shared.db.ticket_changes.life import edit, transition

__all__ = [
    "NEVER",
    "Asked",
    "Binding",
    "Kept",
    "NewTicket",
    "Offer",
    "Parking",
    "accept",
    "assign",
    "assign_by_hand",
    "attach",
    "attachment_document",
    "bind_uploads",
    "choose_uploads",
    "create",
    "decline",
    "detach",
    "draft",
    "edit",
    "keep",
    "look_at_waiting",
    "new_attachment",
    "park",
    "put_back_uploads",
    "reserve",
    "take_back",
    "take_uploads",
    "ticket_document",
    "transfer",
    "transition",
    "with_url",
]
