"""What a customer may know of a ticket, and what they may do with it; values in, values out."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from services.intake.pages.catalogues import Texts
from shared.domain.lifecycle import LifeRules
from shared.domain.public_status import PublicStatus, public_status
from shared.domain.ticket import OPEN_STATUSES, PAUSED_STATUSES, TicketStatus

_ALIVE = OPEN_STATUSES | PAUSED_STATUSES
_SOLVED = frozenset({TicketStatus.RESOLVED, TicketStatus.CLOSED})


class Action(StrEnum):
    """What a customer can do on the page of their ticket."""

    ANSWER = "answer"
    CONFIRM = "confirm"
    DENY = "deny"
    REOPEN = "reopen"
    FOLLOW_UP = "follow_up"
    CANCEL = "cancel"
    RATE = "rate"


@dataclass(frozen=True, slots=True)
class Facts:
    """What stands at the top; `expected_at` only while somebody works on it."""

    number: int
    subject: str
    submitted_at: datetime
    status: PublicStatus
    expected_at: datetime | None
    is_alive: bool
    by_email: bool


def facts(ticket: Mapping[str, Any]) -> Facts:
    """Return what a customer is told of a ticket's row."""
    alive = ticket["status"] in _ALIVE
    return Facts(
        ticket["number"],
        ticket["subject"],
        ticket["created_at"],
        public_status(ticket["status"]),
        ticket["expected_resolution_at"] if alive else None,
        alive,
        bool(ticket["requester"].get("email")),
    )


def actions(ticket: Mapping[str, Any], now: datetime, rules: LifeRules) -> frozenset[Action]:
    """Return what the requester may do with a ticket now."""
    status = ticket["status"]
    if status in _ALIVE:
        return frozenset({Action.ANSWER, Action.CANCEL})
    if status in (TicketStatus.MERGED, TicketStatus.SPAM):
        return frozenset()
    found = set()
    if status in _SOLVED and _may_rate(ticket, now, rules):
        found.add(Action.RATE)
    until = reopen_until(ticket, rules)
    if until is None or now <= until:
        found.add(Action.DENY if status is TicketStatus.RESOLVED else Action.REOPEN)
    else:
        found.add(Action.FOLLOW_UP)
    if status is TicketStatus.RESOLVED and not _confirmed(ticket):
        found.add(Action.CONFIRM)
    return frozenset(found)


def reopen_until(ticket: Mapping[str, Any], rules: LifeRules) -> datetime | None:
    """Return until when the requester may reopen a ticket that is over."""
    ended_at: datetime | None = ticket["resolved_at"] or ticket["closed_at"]
    return None if ended_at is None else ended_at + rules.reopen_window


def next_steps(
    ticket: Mapping[str, Any],
    now: datetime,
    rules: LifeRules,
    t: Texts,
    day: Callable[[datetime], str],
    joined_number: int | None = None,
) -> list[str]:
    """Return what happens next, in sentences."""
    status = public_status(ticket["status"])
    if status is PublicStatus.JOINED:
        known = joined_number is not None
        return [
            t("next.joined", number=f"#{joined_number}") if known else t("next.joined_elsewhere")
        ]
    steps = [t(f"next.{status}")]
    if ticket["status"] in _ALIVE and status is not PublicStatus.WAITING_FOR_YOU:
        steps.append(t("next.by_email" if ticket["requester"].get("email") else "next.by_phone"))
    if status is PublicStatus.SOLVED and ticket["life_due_at"] is not None:
        steps.append(t("next.solved_closes", date=day(ticket["life_due_at"])))
    possible, until = actions(ticket, now, rules), reopen_until(ticket, rules)
    if Action.REOPEN in possible and until is not None:
        steps.append(t("next.reopen_until", date=day(until)))
    if Action.FOLLOW_UP in possible:
        steps.append(t("next.follow_up"))
    return steps


def _may_rate(ticket: Mapping[str, Any], now: datetime, rules: LifeRules) -> bool:
    given = ticket["satisfaction"]
    return not given or now <= datetime.fromisoformat(given["rated_at"]) + rules.rating_window


def _confirmed(ticket: Mapping[str, Any]) -> bool:
    found = ticket["verification"]
    return bool(found and found["passed"] and found["method"] == "requester")
