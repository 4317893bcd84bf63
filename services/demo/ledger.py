"""What the outside has seen: tickets that were accepted, webhooks that came, and in which order."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class FirstAssignment:
    """When a ticket first went to an agent. Moments are Unix seconds.

    `at_once` is false when it had to wait for one first.
    """

    at: float
    told_at: float
    at_once: bool


@dataclass(slots=True)
class Ledger:
    """Counts and moments; filled by one event loop. `accepted` maps ticket ids to the 201."""

    accepted: dict[str, float] = field(default_factory=dict)
    events: set[str] = field(default_factory=set)
    types: Counter[str] = field(default_factory=Counter)
    first_assignments: dict[str, FirstAssignment] = field(default_factory=dict)
    assigned: set[str] = field(default_factory=set)
    resolved: set[str] = field(default_factory=set)
    duplicates: int = 0
    disordered: int = 0
    forged: int = 0
    failures: list[str] = field(default_factory=list)
    _sequences: dict[str, int] = field(default_factory=dict)

    def receive(self, event: Mapping[str, Any], now: float) -> bool:
        """Enter a webhook whose signature was good; return False if it came before.

        In order means: the first arrival of each event of a ticket finds all earlier ones arrived.
        """
        if event["id"] in self.events:
            self.duplicates += 1
            return False
        self.events.add(event["id"])
        self.types[event["type"]] += 1
        ticket_id, sequence = event["data"]["ticket"]["id"], event["sequence"]
        if sequence != self._sequences.get(ticket_id, 0) + 1:
            self.disordered += 1
        self._sequences[ticket_id] = max(sequence, self._sequences.get(ticket_id, 0))
        match event["type"]:
            case "ticket.assigned":
                self.assigned.add(ticket_id)
                moment = datetime.fromisoformat(event["timestamp"]).timestamp()
                # Sequence 1 is ticket.created; a ticket that waited has ticket.waiting as its 2.
                first = FirstAssignment(moment, now, at_once=sequence == 2)
                self.first_assignments.setdefault(ticket_id, first)
            case "ticket.returned":
                self.assigned.discard(ticket_id)
            case "ticket.resolved":
                self.resolved.add(ticket_id)
        return True
