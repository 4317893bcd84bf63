"""The life of a ticket: which step may follow which, as data."""

from enum import StrEnum

from shared.domain.errors import InvalidTransition
from shared.domain.ticket import TicketStatus


class Transition(StrEnum):
    """A step that a person asks for. Assignment (new to open) is the router's own step."""

    RESOLVE = "resolve"
    CLOSE = "close"
    REOPEN = "reopen"


_STEPS: dict[Transition, tuple[frozenset[TicketStatus], TicketStatus]] = {
    Transition.RESOLVE: (
        frozenset({TicketStatus.NEW, TicketStatus.OPEN}),
        TicketStatus.RESOLVED,
    ),
    Transition.CLOSE: (frozenset({TicketStatus.RESOLVED}), TicketStatus.CLOSED),
    Transition.REOPEN: (
        frozenset({TicketStatus.RESOLVED, TicketStatus.CLOSED}),
        TicketStatus.NEW,
    ),
}


def allowed_transitions(status: TicketStatus) -> list[Transition]:
    """Return the steps that may be asked for in this status."""
    return [step for step, (sources, _) in _STEPS.items() if status in sources]


def next_status(status: TicketStatus, transition: Transition) -> TicketStatus:
    """Return the status after the step.

    Raises InvalidTransition, with `ticket_status` and `allowed`, where there is no such step.
    """
    sources, target = _STEPS[transition]
    if status not in sources:
        allowed = allowed_transitions(status)
        choice = " or ".join(step.value for step in allowed) or "nothing"
        message = f"A ticket that is {status.value} cannot {transition.value}; it can {choice}."
        raise InvalidTransition(
            message, ticket_status=status.value, allowed=[s.value for s in allowed]
        )
    return target
