"""The one place that changes tickets.

Every change checks the lifecycle, raises the version, appends the event, keeps the agents' load
true and puts the event on the outbox, all in the caller's transaction. No service writes to
tickets, ticket_events, assignments or agents.load in any other way.
"""

from shared.db.ticket_changes.assign import Binding, assign
from shared.db.ticket_changes.by_hand import Asked, assign_by_hand, transfer
from shared.db.ticket_changes.create import NewTicket, create, draft
from shared.db.ticket_changes.journal import ticket_document
from shared.db.ticket_changes.keep import Kept, keep, take_back
from shared.db.ticket_changes.life import edit, transition
from shared.db.ticket_changes.load import reserve
from shared.db.ticket_changes.look import look_at_waiting
from shared.db.ticket_changes.offers import Offer, accept, decline
from shared.db.ticket_changes.park import NEVER, Parking, park

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
    "create",
    "decline",
    "draft",
    "edit",
    "keep",
    "look_at_waiting",
    "park",
    "reserve",
    "take_back",
    "ticket_document",
    "transfer",
    "transition",
]
