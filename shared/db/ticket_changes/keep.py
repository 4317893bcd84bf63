"""Assigned tickets that the router looked at again: some stay, some come back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shared.db.engine import Transaction
from shared.db.models import Ticket
from shared.db.models.base import table
from shared.db.ticket_changes.assign import end_assignments
from shared.db.ticket_changes.journal import Assignee, Change, TicketRow, apply
from shared.domain.agent import AssignmentEnd
from shared.domain.event import EventType
from shared.domain.ticket import TicketStatus
from shared.domain.work import WorkState

_TICKETS = table(Ticket)


@dataclass(frozen=True, slots=True)
class Kept:
    """An assigned ticket that was looked at again and stays; `routed` are its columns now."""

    ticket: TicketRow
    agent: Assignee
    routed: Mapping[str, Any]


def keep(tx: Transaction, kept: Sequence[Kept], now: datetime, actor: str) -> None:
    """Leave locked tickets with their agents; write what rules make of them now, and tell it."""
    done = {"work_state": WorkState.DONE, "attempts": 0, "last_error": None}
    changes, same = [], []
    for each in kept:
        changed = sorted(n for n, value in each.routed.items() if each.ticket[n] != value)
        told = [name for name in changed if name not in ("rank", "rule_fields")]
        if told:
            values, data = {**each.routed, **done}, {"changed": told}
            event = EventType.TICKET_UPDATED
            changes.append(Change(each.ticket, values, event, actor, each.agent, data))
        else:
            same.append({"id": each.ticket["id"], **done})
    tx.update(_TICKETS, same)
    apply(tx, changes, now)


def take_back(
    tx: Transaction, held: Sequence[tuple[TicketRow, Assignee]], now: datetime, actor: str
) -> None:
    """Take locked tickets back from their agents and make them ready to be routed anew."""
    if not held:
        return
    end_assignments(tx, [ticket["id"] for ticket, _ in held], AssignmentEnd.RETURNED, now)
    changes = [
        Change(
            ticket,
            {
                "status": TicketStatus.NEW,
                "assignee_id": None,
                "touched_at": None,
                "queued_at": now,
                "work_state": WorkState.READY,
                "available_at": now,
            },
            EventType.TICKET_RETURNED,
            actor,
            None,
            {"returned_from": agent},
        )
        for ticket, agent in held
    ]
    apply(tx, changes, now)
