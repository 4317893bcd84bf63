"""Offers that were answered, or ran out before anybody did."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shared.db.engine import Transaction
from shared.db.models import Agent, Assignment
from shared.db.models.base import table
from shared.db.ticket_changes.assign import assigned, end_assignments
from shared.db.ticket_changes.journal import Assignee, Change, TicketRow, apply
from shared.domain.agent import AssignmentEnd
from shared.domain.event import EventType
from shared.domain.work import WorkState

_ASSIGNMENTS, _AGENTS = table(Assignment), table(Agent)


@dataclass(frozen=True, slots=True)
class Offer:
    """An open offer: the assignment's id, the decision behind it, who is asked."""

    id: str
    decision_id: str
    agent: Assignee


def accept(
    tx: Transaction, ticket: TicketRow, offer: Offer, now: datetime, actor: str, request: str
) -> dict[str, Any]:
    """Turn an open offer of a locked ticket into an assignment; return the document."""
    tx.update(_ASSIGNMENTS, [{"id": offer.id, "accepted_at": now}])
    # Who is not there may have to give it back: the matching list looks.
    ready = {"work_state": WorkState.READY, "available_at": now}
    tx.update(_AGENTS, [{"id": offer.agent["id"], **ready}])
    assignment = {"id": offer.id, "decision_id": offer.decision_id, "agent": offer.agent}
    change = assigned(ticket, offer.agent, assignment, {}, actor, request)
    return apply(tx, [change], now)[0]


def decline(
    tx: Transaction,
    declined: Sequence[tuple[TicketRow, Assignee]],
    now: datetime,
    actor: str,
    *,
    expired: bool = False,
    reason: str | None = None,
    request: str | None = None,
) -> None:
    """End the open offers of locked tickets and send the tickets to somebody else."""
    if not declined:
        return
    end = AssignmentEnd.EXPIRED if expired else AssignmentEnd.DECLINED
    end_assignments(tx, [ticket["id"] for ticket, _ in declined], end, now)
    changes = [
        Change(
            ticket,
            {
                "offered_to": None,
                "declined_by": sorted({*ticket["declined_by"], agent["id"]}),
                "work_state": WorkState.READY,
                "available_at": now,
            },
            EventType.TICKET_DECLINED,
            actor,
            None,
            {"declined_by": agent, "expired": expired, "reason": reason},
            request,
        )
        for ticket, agent in declined
    ]
    apply(tx, changes, now)
