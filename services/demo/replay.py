"""Incidents as tickets, and the month of the log in seconds."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from typing import Any

from services.demo.desk import slug
from services.demo.incident import Incident

#: Tickets posted in a second, on average, at speed 1.
TICKETS_PER_S = 50.0

#: Between two incidents of the log at most this much is replayed; nights are cut short.
LONGEST_GAP = timedelta(minutes=10)

#: How long an agent has a ticket at the most, in the log and, at speed 1, in the demo. A third of
#: the incidents took longer or has no known end, because they lay somewhere; these are cut to it.
LONGEST_HANDLING, LONGEST_HANDLING_S = timedelta(days=10), 1.5

_CHANNELS = {"Phone": "phone", "Email": "email"}
_LEVELS = {"1 - High": "high", "2 - Medium": "medium", "3 - Low": "low"}


@dataclass(frozen=True, slots=True)
class Posting:
    """A ticket to be posted: when, in seconds from the start, what, and how long it will take."""

    due_s: float
    key: str
    body: dict[str, Any]
    handling_s: float


def plan(incidents: Sequence[Incident], speed: float) -> list[Posting]:
    """Return what to post and when; the order and the rhythm are those of the log."""
    gaps = [timedelta(0)] + [
        # A sample that was begun again jumps back in time.
        max(timedelta(0), min(later.opened_at - earlier.opened_at, LONGEST_GAP))
        for earlier, later in pairwise(incidents)
    ]
    whole_s = len(incidents) / (TICKETS_PER_S * speed)
    scale = whole_s / max(sum(gaps, timedelta(0)).total_seconds(), 1.0)
    postings, elapsed = [], timedelta(0)
    for number, (incident, gap) in enumerate(zip(incidents, gaps, strict=True), 1):
        elapsed += gap
        key = f"{incident.id}/{number}"
        postings.append(
            Posting(
                due_s=elapsed.total_seconds() * scale,
                key=key,
                body=ticket_body(incident, key),
                handling_s=handling_s(incident) / speed,
            )
        )
    return postings


def handling_s(incident: Incident) -> float:
    """Return how long an agent has the ticket in the demo, in seconds at speed 1."""
    if incident.resolved_at is None:
        return LONGEST_HANDLING_S
    part = (incident.resolved_at - incident.opened_at) / LONGEST_HANDLING
    return min(part, 1.0) * LONGEST_HANDLING_S


def ticket_body(incident: Incident, key: str) -> dict[str, Any]:
    """Return the body of POST /v1/tickets; `key` tells repeated incidents apart."""
    category, subcategory = incident.category, incident.subcategory
    return {
        "subject": ", ".join(filter(None, (category, subcategory))) or "Uncategorised",
        "description": (
            f"Incident {incident.id}, opened {incident.opened_at:%Y-%m-%d %H:%M} UTC "
            f"by {incident.channel.lower()}."
        ),
        "requester": {
            "name": incident.requester,
            "email": f"{slug(incident.requester)}@example.com",
        },
        "type": "technical_problem",
        "category": slug(category) if category else None,
        "product": slug(subcategory) if subcategory else None,
        "impact": _LEVELS[incident.impact],
        "urgency": _LEVELS[incident.urgency],
        "channel": _CHANNELS[incident.channel],
        "external_id": key,
    }
