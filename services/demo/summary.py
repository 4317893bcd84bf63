"""The outcome of a run, as figures."""

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from services.demo.audit import Finding, audit, state_of
from services.demo.ledger import Ledger
from services.demo.truth import Truth

#: How many agents a reason applies to; it differs from moment to moment.
_COUNT = re.compile(r" \(\d+\)")


@dataclass(frozen=True, slots=True)
class Timing:
    """How long something took, over so many cases; None where there was none."""

    cases: int
    p50_ms: float | None
    p99_ms: float | None


@dataclass(frozen=True, slots=True)
class Summary:
    """What became of the tickets.

    Each accepted ticket is either assigned (it has an agent, or had one who resolved it) or
    waiting. `to_assigned` counts from the 201 and leaves out tickets that had to wait for an agent,
    who are in `waited`; `to_webhook` goes on to the arrival of the webhook that tells of it.
    """

    accepted: int
    assigned: int
    waiting: dict[str, int]
    resolved: int
    events: int
    webhooks_expected: int
    webhooks_delivered: int
    webhooks_repeated: int
    emails: int
    seconds: float
    posting_seconds: float
    to_assigned: Timing
    to_webhook: Timing
    waited: Timing
    findings: list[Finding]

    @property
    def lost(self) -> int:
        """How many promises were broken; 0 is the only good number."""
        return sum(finding.count for finding in self.findings)

    def document(self) -> dict[str, Any]:
        """Return the summary for programs."""
        return {
            "accepted": self.accepted,
            "assigned": self.assigned,
            "waiting": sum(self.waiting.values()),
            "waiting_reasons": self.waiting,
            "resolved": self.resolved,
            "events": self.events,
            "webhooks_expected": self.webhooks_expected,
            "webhooks_delivered": self.webhooks_delivered,
            "webhooks_repeated": self.webhooks_repeated,
            "emails": self.emails,
            "lost": self.lost,
            "findings": {finding.what: finding.count for finding in self.findings},
            "seconds": round(self.seconds, 3),
            "tickets_per_s": round(self.accepted / self.posting_seconds, 1),
            "to_assigned_ms": _percentiles(self.to_assigned),
            "to_webhook_ms": _percentiles(self.to_webhook),
            "waited_ms": _percentiles(self.waited),
        }


def summarise(
    truth: Truth,
    ledger: Ledger,
    mails_written: frozenset[str],
    seconds: float,
    posting_seconds: float,
) -> Summary:
    """Return the figures of a run that has come to rest."""
    states = Counter(state_of(ticket) for ticket in truth.tickets.values())
    firsts = {t: f for t, f in ledger.first_assignments.items() if t in ledger.accepted}
    at_once = {t: f for t, f in firsts.items() if f.at_once}
    return Summary(
        accepted=len(ledger.accepted),
        assigned=sum(ticket["assignee_id"] is not None for ticket in truth.tickets.values()),
        waiting=dict(Counter(_COUNT.sub("", r) for r in truth.reasons.values()).most_common()),
        resolved=states["resolved"] + states["closed"],
        events=len(truth.events),
        webhooks_expected=len(truth.events) * len(truth.subscriptions),
        webhooks_delivered=len(ledger.events),
        webhooks_repeated=ledger.duplicates,
        emails=len(mails_written),
        seconds=seconds,
        posting_seconds=posting_seconds,
        to_assigned=timing([f.at - ledger.accepted[t] for t, f in at_once.items()]),
        to_webhook=timing([f.told_at - ledger.accepted[t] for t, f in at_once.items()]),
        waited=timing([f.at - ledger.accepted[t] for t, f in firsts.items() if not f.at_once]),
        findings=audit(truth, ledger, mails_written),
    )


def timing(seconds: Sequence[float]) -> Timing:
    """Return percentiles (nearest rank) of durations in seconds.

    A duration below zero is none at all: the router was done before the 201 had arrived.
    """
    ordered = sorted(max(0.0, value) * 1000 for value in seconds)
    if not ordered:
        return Timing(0, None, None)
    p50, p99 = (ordered[math.ceil(len(ordered) * part) - 1] for part in (0.5, 0.99))
    return Timing(len(ordered), round(p50, 1), round(p99, 1))


def _percentiles(timed: Timing) -> dict[str, float | None]:
    return {"tickets": timed.cases, "p50": timed.p50_ms, "p99": timed.p99_ms}
