"""Edits of a ticket's fields."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from shared.db.engine import Transaction
from shared.db.ticket_changes.assign import end_assignments
from shared.db.ticket_changes.journal import Assignee, Change, TicketRow, apply
from shared.domain.agent import AssignmentEnd
from shared.domain.errors import Conflict
from shared.domain.event import EventType
from shared.domain.ticket import (
    Lane,
    Priority,
    TicketStatus,
    derive_priority,
    rank_of,
)
from shared.domain.work import WorkState

#: Fields that say who may have a ticket, whatever the rules look at.
_NEEDED = ("team", "required_skills", "tags", "priority")

#: Fields from which the priority follows when it is not set by itself.
_PRIORITY_SOURCES = ("severity", "impact", "urgency")


def edit(
    tx: Transaction,
    ticket: TicketRow,
    assignee: Assignee | None,
    fields: Mapping[str, Any],
    now: datetime,
    actor: str,
    correlation_id: str,
) -> dict[str, Any] | None:
    """Change fields of a locked ticket; return the document, or None if nothing would change.

    A changed impact, urgency or severity moves the priority with it unless the priority is set in
    the same edit. A waiting ticket is routed again, because what it waits for may have changed.
    Raises Conflict for a ticket that was merged.
    """
    if ticket["status"] is TicketStatus.MERGED:
        message = "The ticket was merged into another; change that one."
        raise Conflict(message, merged_into=ticket["merged_into_id"])
    values = {name: value for name, value in fields.items() if ticket[name] != value}
    if not values:
        return None
    changed = sorted(values)
    if "priority" not in fields and any(name in values for name in _PRIORITY_SOURCES):
        merged = {**ticket, **values}
        values["priority"] = derive_priority(
            None,
            merged["impact"],
            merged["urgency"],
            merged["severity"],
            tx.service_levels.book(tx.connection).priorities,
        )
    if "priority" in values:
        priority = Priority(values["priority"])
        lane = Lane.BULK if ticket["rank"] >= rank_of(Lane.BULK, 0) else Lane.LIVE
        values["rank"] = rank_of(lane, priority.rank)
    written = {name: values[name] for name in (ticket["asked"] or {}) if name in values}
    if written:
        values["asked"] = {**ticket["asked"], **written}
        if "team" in written:
            values["asked"].pop("team_pinned", None)
    if ticket["assignee_id"] is not None:
        values["touched_at"] = now
    if ticket["status"] is TicketStatus.OPEN and not set(values).isdisjoint(ticket["rule_fields"]):
        # A rule had looked at it: the router sees whether its agent still fits.
        values |= {"work_state": WorkState.READY, "available_at": now}
    if ticket["offered_to"] is not None and _changes_need(ticket, changed):
        # Who was asked may not be the right one any more; nobody declined.
        end_assignments(tx, [ticket["id"]], AssignmentEnd.RETURNED, now)
        values |= {"offered_to": None, "work_state": WorkState.READY, "available_at": now}
    if ticket["work_state"] is WorkState.WAITING:
        values |= {"work_state": WorkState.READY, "available_at": now, "signature": None}
    change = Change(
        ticket,
        values,
        EventType.TICKET_UPDATED,
        actor,
        assignee,
        {"changed": changed},
        correlation_id,
    )
    return apply(tx, [change], now)[0]


def _changes_need(ticket: TicketRow, changed: Sequence[str]) -> bool:
    """Tell whether an edit may change who should have a ticket."""
    return not {*_NEEDED, *ticket["rule_fields"]}.isdisjoint(changed)
