"""Clocks and their events as documents: in the ticket's row, in events, and over the API.

A clock's document has only what is there: most of what may happen to a clock does not.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from shared.domain.clock import rfc3339
from shared.domain.sla.clock import Clock
from shared.domain.sla.engine import Clocks
from shared.domain.sla.metric import METRICS, Metric, MetricEvent

_MOMENTS = (
    "started_at",
    "running_since",
    "warn_at",
    "due_at",
    "warned_at",
    "breached_at",
    "fulfilled_at",
    "cancelled_at",
)


def seconds(length: timedelta) -> float | int:
    """Return a length of time in seconds: whole ones as an integer, others to the microsecond."""
    whole = length.total_seconds()
    return int(whole) if whole.is_integer() else whole


def clocks_document(clocks: Clocks) -> dict[str, Any]:
    """Return clocks as `tickets.sla` holds them."""
    return {
        "policy": clocks.policy,
        "version": clocks.version,
        "clocks": {
            metric.value: _clock_document(clocks.by_metric[metric])
            for metric in METRICS
            if metric in clocks.by_metric
        },
    }


def clocks_of(document: Mapping[str, Any]) -> Clocks:
    """Return the clocks that `clocks_document` wrote."""
    found = document["clocks"]
    return Clocks(
        document["policy"],
        document["version"],
        {metric: _clock_of(metric, found[metric]) for metric in METRICS if metric in found},
    )


def event_document(event: MetricEvent) -> dict[str, Any]:
    """Return a metric event as `shared.schemas.sla.MetricEventSchema` defines it."""
    document: dict[str, Any] = {
        "metric": event.metric.value,
        "type": event.move.value,
        "at": rfc3339(event.at),
        "due_at": None if event.due_at is None else rfc3339(event.due_at),
    }
    if event.worked is not None:
        document["worked_s"] = seconds(event.worked)
    if event.policy is not None:
        document["target_s"] = None if event.target is None else seconds(event.target)
        document["policy"] = event.policy
        document["policy_version"] = event.version
    return document


def _clock_document(clock: Clock) -> dict[str, Any]:
    document: dict[str, Any] = {"worked_s": seconds(clock.worked)}
    if clock.target is not None:
        document["target_s"] = seconds(clock.target)
    for name in _MOMENTS:
        moment = getattr(clock, name)
        if moment is not None:
            document[name] = rfc3339(moment)
    return document


def _clock_of(metric: Metric, document: Mapping[str, Any]) -> Clock:
    target = document.get("target_s")
    moments = {
        name: datetime.fromisoformat(document[name]) for name in _MOMENTS if name in document
    }
    return Clock(
        metric,
        None if target is None else timedelta(seconds=target),
        worked=timedelta(seconds=document["worked_s"]),
        **moments,
    )
