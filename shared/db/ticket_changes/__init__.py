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
from shared.db.ticket_changes.by_hand import Asked, assign_by_hand, transfer
from shared.db.ticket_changes.clocks import (
    claim_due,
    look_at_policies,
    look_at_team,
    move_clocks,
    put_off_clocks,
)
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
    "claim_due",
    "create",
    "decline",
    "draft",
    "edit",
    "keep",
    "look_at_policies",
    "look_at_team",
    "look_at_waiting",
    "move_clocks",
    "park",
    "put_off_clocks",
    "reserve",
    "take_back",
    "ticket_document",
    "transfer",
    "transition",
]
