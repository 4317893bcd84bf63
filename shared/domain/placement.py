"""Where a ticket has to be: for each status the states of its row in the routing list, and holders.

The law of conservation behind the first promise: every ticket that was accepted is looked for, is
with somebody, is dead and visible, or is over. One that is nowhere of this is *unaccounted*: no
list looks at it, and nobody has it. Pure data, so that SQL, mending and tests ask the same rule.
"""

from dataclasses import dataclass
from enum import StrEnum

from shared.domain.ticket import TicketStatus
from shared.domain.work import WorkState


class Holder(StrEnum):
    """Who has the one open assignment of a ticket.

    asked: who it is offered to, nobody without an offer. assignee: its assignee, who must be there.
    keeper: its assignee, if it has one. nobody: there is none.
    """

    ASKED = "asked"
    ASSIGNEE = "assignee"
    KEEPER = "keeper"
    NOBODY = "nobody"


@dataclass(frozen=True, slots=True)
class Place:
    """The states of its row that a list looks at or need not look at, and who has it."""

    states: frozenset[WorkState]
    holder: Holder


_AT_REST = frozenset({WorkState.DONE})
_OVER = Place(_AT_REST, Holder.NOBODY)
_PAUSED = Place(_AT_REST, Holder.KEEPER)

#: A dead row is accounted for: `patchbay dead` shows it.
PLACES: dict[TicketStatus, Place] = {
    TicketStatus.NEW: Place(
        frozenset({WorkState.READY, WorkState.WAITING, WorkState.DEAD}), Holder.ASKED
    ),
    TicketStatus.OPEN: Place(
        frozenset({WorkState.DONE, WorkState.READY, WorkState.DEAD}), Holder.ASSIGNEE
    ),
    TicketStatus.PENDING_CUSTOMER: _PAUSED,
    TicketStatus.ON_HOLD: _PAUSED,
    TicketStatus.RESOLVED: _OVER,
    TicketStatus.CLOSED: _OVER,
    TicketStatus.CANCELLED: _OVER,
    TicketStatus.MERGED: _OVER,
    TicketStatus.SPAM: _OVER,
}


def expected_holder(status: str, assignee_id: str | None, offered_to: str | None) -> str | None:
    """Return the id of the agent who should have the open assignment, or None for nobody."""
    place = PLACES.get(TicketStatus(status)) if status in PLACES else None
    match place and place.holder:
        case Holder.ASKED:
            return offered_to
        case Holder.ASSIGNEE | Holder.KEEPER:
            return assignee_id
        case _:
            return None


def is_placed(
    status: str, work_state: str, assignee_id: str | None, offered_to: str | None
) -> bool:
    """Tell whether what the ticket's own row says fits together."""
    if status not in PLACES:
        return False
    place = PLACES[TicketStatus(status)]
    if work_state not in place.states:
        return False
    match place.holder:
        case Holder.ASKED:
            # Asked somebody: due again on the list when the time to answer is over.
            waits = offered_to is None or work_state in (WorkState.READY, WorkState.DEAD)
            return assignee_id is None and waits
        case Holder.ASSIGNEE:
            return assignee_id is not None and offered_to is None
        case _:
            return offered_to is None
