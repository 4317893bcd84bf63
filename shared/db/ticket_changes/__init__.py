"""The one place that changes tickets.

Every change checks the lifecycle, raises the version, appends the event, keeps the agents' load
true and puts the event on the outbox, all in the caller's transaction. No service writes to
tickets, ticket_events, assignments or agents.load in any other way.
"""

from shared.db.ticket_changes.asked import Asked
from shared.db.ticket_changes.assign import Binding, assign
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
from shared.db.ticket_changes.by_hand import assign_by_hand, transfer
from shared.db.ticket_changes.clocks import (
    claim_due,
    look_at_policies,
    look_at_team,
    move_clocks,
    put_off_clocks,
)
from shared.db.ticket_changes.conversation import Author, NewComment, comment, comment_document
from shared.db.ticket_changes.create import NewTicket, create, draft
from shared.db.ticket_changes.edit import edit
from shared.db.ticket_changes.family import Member, ancestors, children_of, lock_family, members
from shared.db.ticket_changes.follow_up import follow_up
from shared.db.ticket_changes.journal import ticket_document
from shared.db.ticket_changes.keep import Kept, keep, take_back
from shared.db.ticket_changes.life import advance, put_off, transition
from shared.db.ticket_changes.links import link, unlink
from shared.db.ticket_changes.load import reserve
from shared.db.ticket_changes.look import look_at_waiting
from shared.db.ticket_changes.mend import (
    end_holds,
    look_at_clocks,
    put_right,
    recount_loads,
    take_off,
)
from shared.db.ticket_changes.merge import merge
from shared.db.ticket_changes.offers import Offer, accept, decline
from shared.db.ticket_changes.outcome import document_resolution, rate, verify
from shared.db.ticket_changes.park import NEVER, Parking, park
from shared.db.ticket_changes.past import Past
from shared.db.ticket_changes.requester import erase, erase_events, move, tell_comments

__all__ = [
    "NEVER",
    "Asked",
    "Author",
    "Binding",
    "Kept",
    "Member",
    "NewComment",
    "NewTicket",
    "Offer",
    "Parking",
    "Past",
    "accept",
    "advance",
    "ancestors",
    "assign",
    "assign_by_hand",
    "attach",
    "attachment_document",
    "bind_uploads",
    "children_of",
    "choose_uploads",
    "claim_due",
    "comment",
    "comment_document",
    "create",
    "decline",
    "detach",
    "document_resolution",
    "draft",
    "edit",
    "end_holds",
    "erase",
    "erase_events",
    "follow_up",
    "keep",
    "link",
    "lock_family",
    "look_at_clocks",
    "look_at_policies",
    "look_at_team",
    "look_at_waiting",
    "members",
    "merge",
    "move",
    "move_clocks",
    "new_attachment",
    "park",
    "put_back_uploads",
    "put_off",
    "put_off_clocks",
    "put_right",
    "rate",
    "recount_loads",
    "reserve",
    "take_back",
    "take_off",
    "take_uploads",
    "tell_comments",
    "ticket_document",
    "transfer",
    "transition",
    "unlink",
    "verify",
    "with_url",
]
