"""What came out of a ticket: the documented solution, its verification, the requester's rating."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from shared.db.engine import Transaction
from shared.db.ticket_changes.asked import Asked
from shared.db.ticket_changes.journal import Assignee, Change, TicketRow, apply
from shared.db.ticket_changes.life import transition
from shared.domain.clock import rfc3339
from shared.domain.errors import Conflict, InvalidTransition
from shared.domain.event import EventType
from shared.domain.lifecycle import LifeRules, Transition
from shared.domain.outcome import VerificationMethod
from shared.domain.role import Role
from shared.domain.ticket import TicketStatus

_SOLVED = frozenset({TicketStatus.RESOLVED, TicketStatus.CLOSED})


def document_resolution(
    tx: Transaction,
    ticket: TicketRow,
    assignee: Assignee | None,
    resolution: Mapping[str, Any],
    now: datetime,
    asked: Asked,
) -> dict[str, Any] | None:
    """Write down, or correct, how a solved ticket was solved; None if nothing changes."""
    _require_solved(ticket)
    if ticket["resolution"] == resolution:
        return None
    values, data = {"resolution": resolution}, {"changed": ["resolution"]}
    event = EventType.TICKET_UPDATED
    change = Change(ticket, values, event, asked.actor, assignee, data, asked.request)
    return apply(tx, [change], now)[0]


def verify(
    tx: Transaction,
    ticket: TicketRow,
    assignee: Assignee | None,
    checked: Mapping[str, Any],
    now: datetime,
    asked: Asked,
    rules: LifeRules,
) -> dict[str, Any]:
    """Record that the solution was tested, or that the requester says whether it holds.

    `checked` is what `VerificationSchema` loaded. A confirmation of the requester closes the ticket
    where the rules say so, by the same step as any other, with its `children`; a solution that does
    not hold reopens it. What staff say for the requester is marked so.
    """
    _require_solved(ticket)
    theirs = checked["method"] is VerificationMethod.REQUESTER
    by_themselves = asked.role is Role.REQUESTER
    verification = {
        "method": checked["method"].value,
        "passed": checked["passed"],
        "by": ticket["requester"].get("name") if theirs and by_themselves else checked["by"],
        "what": checked["what"],
        "at": rfc3339(now),
        "on_behalf": theirs and not by_themselves,
        "recorded_by": asked.actor,
    }
    values = {"verification": verification}
    event, data = EventType.TICKET_VERIFIED, {"verification": verification}
    change = Change(ticket, values, event, asked.actor, assignee, data, asked.request)
    document = apply(tx, [change], now)[0]
    later = {**ticket, **values, "version": document["version"], "updated_at": now}
    if not checked["passed"]:
        return transition(tx, later, assignee, Transition.REOPEN, {}, now, asked, rules)
    if theirs and rules.close_on_confirmation and ticket["status"] is TicketStatus.RESOLVED:
        details = {"children": checked.get("children")}
        return transition(tx, later, assignee, Transition.CLOSE, details, now, asked, rules)
    return document


def rate(
    tx: Transaction,
    ticket: TicketRow,
    assignee: Assignee | None,
    score: int,
    words: str | None,
    now: datetime,
    asked: Asked,
    rules: LifeRules,
) -> dict[str, Any] | None:
    """Record how content the requester is, 1 to 5, once for a resolution; None if it is the same.

    What staff say for the requester is marked so, and does not replace what they said themselves.
    Raises Conflict when the time in which a rating may be changed is over.
    """
    _require_solved(ticket)
    before = ticket["satisfaction"]
    theirs = bool(before) and not before.get("on_behalf")
    on_behalf = asked.role is not Role.REQUESTER
    if theirs and on_behalf:
        message = "The requester has rated it themselves; only they change that."
        raise Conflict(message)
    if theirs is on_behalf:
        # What staff noted down gives way to the requester's own, which has its own time.
        before = None
    if before and (before["score"], before["comment"]) == (score, words):
        return None
    first_at = datetime.fromisoformat(before["rated_at"]) if before else now
    if now > first_at + rules.rating_window:
        message = f"A rating may be changed for {rules.rating_window.days} days; that was before."
        raise Conflict(message)
    satisfaction = {
        "score": score,
        "comment": words,
        "rated_at": rfc3339(first_at),
        "changed_at": rfc3339(now) if before else None,
        "agent_id": ticket["assignee_id"],
        "on_behalf": on_behalf,
        "recorded_by": asked.actor,
    }
    event, data = EventType.TICKET_RATED, {"satisfaction": satisfaction}
    values = {"satisfaction": satisfaction}
    change = Change(ticket, values, event, asked.actor, assignee, data, asked.request)
    return apply(tx, [change], now)[0]


def _require_solved(ticket: TicketRow) -> None:
    if ticket["status"] not in _SOLVED:
        message = f"The ticket is {ticket['status'].value}; it has to be resolved first."
        raise InvalidTransition(message, ticket_status=ticket["status"].value)
