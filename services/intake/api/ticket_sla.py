"""/v1/tickets/{id}/sla: the clocks of a ticket, and the proof that they are right."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from flask import Response

from services.intake import repository
from services.intake.api.auth import requires
from services.intake.api.http import answer, blueprint, parts
from shared.db.service_levels import versions_of
from shared.db.types import load_json
from shared.domain.clock import rfc3339
from shared.domain.sla import Clock, Metric, Policy, clocks_of, seconds
from shared.domain.sla.history import differences, metric_events, policies_named
from shared.schemas.sla import TicketSlaSchema

#: Events read at a time.
PAGE = 1000

_MOMENTS = ("started_at", "due_at", "warned_at", "breached_at", "fulfilled_at", "cancelled_at")

blp = blueprint("ticket-sla", "The clocks of tickets.")


@blp.route("/tickets/<ticket_id>/sla", methods=["GET"])
@requires("tickets:read", problems=(401, 403, 404, 503))
@blp.response(200, TicketSlaSchema())
def get_ticket_sla(ticket_id: str) -> Response:
    """Read the clocks of a ticket and what happened to them, recomputed from its events."""
    app = parts()
    with app.database.reading() as connection:
        ticket, _ = repository.ticket(connection, ticket_id)
        events = _events_until(connection, ticket_id, ticket["version"])
        policies = versions_of(connection, policies_named(events))
    found = differences(ticket["sla"], events, policies)
    return answer(
        {
            "ticket_id": ticket_id,
            **_clocks(ticket["sla"], policies, app.now()),
            "events": metric_events(events),
            "recomputed": {"agrees": not found, "differences": found},
        }
    )


def _events_until(connection: Any, ticket_id: str, version: int) -> list[dict[str, Any]]:
    """Return a ticket's events up to the one that made the row as it was read."""
    events: list[dict[str, Any]] = []
    while len(events) < version:
        bodies = repository.ticket_events(connection, ticket_id, len(events), PAGE)
        if not bodies:
            break
        events += [load_json(body) for body in bodies]
    return events[:version]


def _clocks(
    stored: Mapping[str, Any] | None, policies: Mapping[tuple[str, int], Policy], now: datetime
) -> dict[str, Any]:
    if stored is None:
        return {"policy": None, "clocks": []}
    clocks = clocks_of(stored)
    policy = policies.get((clocks.policy, clocks.version))
    shown: Sequence[Clock] = [
        clocks.by_metric[metric] for metric in Metric if metric in clocks.by_metric
    ]
    return {
        "policy": {"name": clocks.policy, "version": clocks.version},
        "clocks": [_clock(clock, policy, now) for clock in shown],
    }


def _clock(clock: Clock, policy: Policy | None, now: datetime) -> dict[str, Any]:
    worked = clock.worked if policy is None else clock.worked_until(now, policy)
    document: dict[str, Any] = {
        "metric": clock.metric.value,
        "state": _state(clock),
        "target_s": None if clock.target is None else seconds(clock.target),
        "worked_s": seconds(worked),
        "remaining_s": None if clock.target is None else seconds(clock.target - worked),
        "projected_at": _written(_projected(clock, policy, now)),
    }
    return document | {name: _written(getattr(clock, name)) for name in _MOMENTS}


def _state(clock: Clock) -> str:
    if clock.fulfilled_at is not None:
        return "fulfilled"
    if clock.cancelled_at is not None:
        return "cancelled"
    return "paused" if clock.running_since is None else "running"


def _projected(clock: Clock, policy: Policy | None, now: datetime) -> datetime | None:
    if not clock.live or clock.due_at is not None or policy is None:
        return clock.due_at if clock.live else None
    return clock.projected(now, policy)


def _written(moment: datetime | None) -> str | None:
    return None if moment is None else rfc3339(moment)
