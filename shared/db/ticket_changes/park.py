"""Tickets that wait until somebody can take them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from shared.db.engine import Transaction
from shared.db.ticket_changes.journal import Change, TicketRow, apply
from shared.domain.event import EventType
from shared.domain.work import WorkState

#: When a need changes that never does.
NEVER = datetime(9999, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Parking:
    """A ticket that nobody can take now, and what it waits for.

    `changes_at` is when its need changes by itself; it is routed again then.
    """

    ticket: TicketRow
    signature: str
    reason: str
    routed: Mapping[str, Any] = field(default_factory=dict)
    changes_at: datetime | None = None


def park(tx: Transaction, parkings: Sequence[Parking], now: datetime, actor: str) -> None:
    """Let tickets wait until an agent who fits gets free."""
    changes = [
        Change(
            parking.ticket,
            {
                **parking.routed,
                "signature": parking.signature,
                "work_state": WorkState.WAITING,
                "available_at": parking.changes_at or NEVER,
                "attempts": 0,
                "last_error": None,
            },
            EventType.TICKET_WAITING,
            actor,
            None,
            {"reason": parking.reason},
        )
        for parking in parkings
    ]
    apply(tx, changes, now)
