"""The life of a ticket: which step may follow which, and who may take it, as data.

new ──assign──> open            (the router's own step, or by hand)
new, open ──ask──> pending_customer ──resume──> new or open
new, open ──hold──> on_hold ──resume──> new or open
new, open, pending_customer, on_hold ──resolve──> resolved ──close──> closed
resolved, closed, cancelled ──reopen──> new
new, open, pending_customer, on_hold ──cancel──> cancelled, ──mark_spam──> spam ──restore──> new
any of these but spam ──merge──> merged     (`ticket_changes.merge`: it needs another ticket)
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from shared.domain.errors import Forbidden, InvalidTransition
from shared.domain.role import LEADS, STAFF, Role
from shared.domain.ticket import OPEN_STATUSES, PAUSED_STATUSES, TicketStatus


class Transition(StrEnum):
    """A step that somebody asks for. Assignment (new to open) is the router's own step."""

    ASK = "ask"
    HOLD = "hold"
    RESUME = "resume"
    RESOLVE = "resolve"
    CLOSE = "close"
    REOPEN = "reopen"
    CANCEL = "cancel"
    MARK_SPAM = "mark_spam"
    RESTORE = "restore"


#: Steps that the open children of a ticket may take with it.
FAMILY_STEPS = (Transition.RESOLVE, Transition.CLOSE, Transition.CANCEL)


class HoldReason(StrEnum):
    """Whom or what a ticket on hold waits for."""

    VENDOR = "vendor"
    CHANGE = "change"
    PROBLEM = "problem"
    COLLEAGUE = "colleague"
    APPOINTMENT = "appointment"
    OTHER = "other"


class ChildrenRule(StrEnum):
    """What becomes of the open children of a ticket that is resolved, closed or cancelled.

    ask: the request must say it. force: they take the same step. leave: nothing.
    """

    ASK = "ask"
    FORCE = "force"
    LEAVE = "leave"


@dataclass(frozen=True, slots=True)
class LifeRules:
    """What an installation decides about the life of its tickets.

    `auto_close_after` counts from the resolution, None is never. `reopen_window` too: later only
    leads may reopen, and everybody else makes a follow-up. `rating_window` is how long a rating
    may be changed, from its first giving.
    """

    auto_close_after: timedelta | None = timedelta(days=5)
    reopen_window: timedelta = timedelta(days=7)
    rating_window: timedelta = timedelta(days=7)
    children: ChildrenRule = ChildrenRule.ASK
    close_on_confirmation: bool = True


@dataclass(frozen=True, slots=True)
class _Step:
    sources: frozenset[TicketStatus]
    roles: frozenset[Role]
    #: None: back to where it was, new or open.
    target: TicketStatus | None


_EVERYBODY = STAFF | {Role.REQUESTER, Role.SYSTEM}
_DESK = STAFF | {Role.SYSTEM}
_ALIVE = OPEN_STATUSES | PAUSED_STATUSES

_STEPS: dict[Transition, _Step] = {
    Transition.ASK: _Step(
        OPEN_STATUSES | {TicketStatus.ON_HOLD}, STAFF, TicketStatus.PENDING_CUSTOMER
    ),
    Transition.HOLD: _Step(
        OPEN_STATUSES | {TicketStatus.PENDING_CUSTOMER}, STAFF, TicketStatus.ON_HOLD
    ),
    Transition.RESUME: _Step(PAUSED_STATUSES, _EVERYBODY, None),
    Transition.RESOLVE: _Step(_ALIVE, _DESK, TicketStatus.RESOLVED),
    Transition.CLOSE: _Step(frozenset({TicketStatus.RESOLVED}), _EVERYBODY, TicketStatus.CLOSED),
    Transition.REOPEN: _Step(
        frozenset({TicketStatus.RESOLVED, TicketStatus.CLOSED, TicketStatus.CANCELLED}),
        _EVERYBODY,
        TicketStatus.NEW,
    ),
    Transition.CANCEL: _Step(_ALIVE, _EVERYBODY, TicketStatus.CANCELLED),
    Transition.MARK_SPAM: _Step(_ALIVE, _DESK, TicketStatus.SPAM),
    Transition.RESTORE: _Step(frozenset({TicketStatus.SPAM}), STAFF, TicketStatus.NEW),
}


def allowed_transitions(status: TicketStatus, role: Role = Role.ADMIN) -> list[Transition]:
    """Return the steps that somebody of this role may ask for in this status."""
    return [name for name, step in _STEPS.items() if status in step.sources and role in step.roles]


def next_status(
    status: TicketStatus, transition: Transition, role: Role = Role.ADMIN, *, assigned: bool = False
) -> TicketStatus:
    """Return the status after the step; a ticket that resumes is open if somebody has it.

    Raises InvalidTransition, with `ticket_status` and `allowed`, where there is no such step, and
    Forbidden where it is not this role's.
    """
    step = _STEPS[transition]
    if status not in step.sources:
        raise _no_such_step(status, transition, allowed_transitions(status, role))
    if role not in step.roles:
        roles = " or ".join(_sorted(step.roles - {Role.SYSTEM}))
        message = f"To {transition.value} a ticket is for the role {roles}, not {role.value}."
        raise Forbidden(message, roles=_sorted(step.roles))
    if step.target is not None:
        return step.target
    return TicketStatus.OPEN if assigned else TicketStatus.NEW


def require_reopenable(
    status: TicketStatus, ended_at: datetime | None, role: Role, now: datetime, rules: LifeRules
) -> None:
    """Raise InvalidTransition if it is too late to reopen a ticket that was resolved `ended_at`."""
    if role in LEADS or ended_at is None or now <= ended_at + rules.reopen_window:
        return
    message = (
        f"The ticket was resolved more than {rules.reopen_window.days} days ago; "
        "make a follow-up of it."
    )
    raise InvalidTransition(
        message, ticket_status=status.value, allowed=["follow-up"], follow_up=True
    )


def _no_such_step(
    status: TicketStatus, transition: Transition, allowed: Iterable[Transition]
) -> InvalidTransition:
    names = [step.value for step in allowed]
    choice = " or ".join(names) or "nothing"
    message = f"A ticket that is {status.value} cannot {transition.value}; it can {choice}."
    return InvalidTransition(message, ticket_status=status.value, allowed=names)


def _sorted(roles: Iterable[Role]) -> list[str]:
    return [role.value for role in Role if role in frozenset(roles)]
