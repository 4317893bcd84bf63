"""An SLA policy: what is promised for which priority, counted when, and standing still when.

{
  "warn_share": 0.75,
  "targets": {"high": {"first_response": "1h", "next_response": "1h", "resolution": "4h"}, …},
  "pauses": {"resolution": ["on_hold", "pending_customer"], …}
}
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from shared.domain.duration import parse_duration
from shared.domain.sla.metric import Metric
from shared.domain.ticket import Priority
from shared.domain.working_time.endless import AROUND_THE_CLOCK, EndlessSchedule, Hours

#: The policy of tickets for which neither a rule nor a team names one.
DEFAULT_POLICY = "default"

#: The share of a target after which a warning is given: three quarters leave an hour of four.
DEFAULT_WARN_SHARE = 0.75

#: Statuses in which a metric stands still unless a policy says otherwise. A first word to the
#: requester is owed whatever the ticket waits for, so first_response never does.
DEFAULT_PAUSES: dict[str, list[str]] = {
    "first_response": [],
    "next_response": ["on_hold", "pending_customer"],
    "resolution": ["on_hold", "pending_customer"],
}

#: High within hours, medium within one or two days, low within days to weeks.
DEFAULT_DOCUMENT: dict[str, Any] = {
    "title": "Default",
    "calendar": None,
    "warn_share": DEFAULT_WARN_SHARE,
    "targets": {
        "critical": {"first_response": "15m", "next_response": "30m", "resolution": "1h"},
        "high": {"first_response": "1h", "next_response": "2h", "resolution": "4h"},
        "medium": {"first_response": "8h", "next_response": "8h", "resolution": "2d"},
        "low": {"first_response": "1d", "next_response": "2d", "resolution": "10d"},
    },
    "pauses": DEFAULT_PAUSES,
}

_NOTHING: Mapping[Metric, timedelta] = {}


@dataclass(frozen=True, slots=True)
class Policy:
    """A version of a policy, ready to be counted with; name and version are what it is known by.

    A metric without a target for a priority is measured, but never falls due.
    """

    name: str
    version: int
    targets: Mapping[Priority, Mapping[Metric, timedelta]] = field(compare=False)
    pauses: Mapping[Metric, frozenset[str]] = field(compare=False)
    warn_share: float = field(default=DEFAULT_WARN_SHARE, compare=False)
    hours: Hours = field(default=AROUND_THE_CLOCK, compare=False)

    def target(self, priority: Priority, metric: Metric) -> timedelta | None:
        """Return how much working time a metric may take."""
        return self.targets.get(priority, _NOTHING).get(metric)

    def pausing(self, metric: Metric, status: str) -> bool:
        """Tell whether a metric stands still in a status."""
        return status in self.pauses[metric]


def policy_of(
    name: str, version: int, document: Mapping[str, Any], calendar: Mapping[str, Any] | None
) -> Policy:
    """Return the policy that stored documents of a policy and of its calendar describe.

    What the policy leaves out is as by default; without a calendar it counts around the clock.
    """
    pauses = {**DEFAULT_PAUSES, **document.get("pauses", {})}
    return Policy(
        name,
        version,
        targets={
            Priority(priority): {
                Metric(metric): timedelta(seconds=parse_duration(target))
                for metric, target in targets.items()
                if target is not None
            }
            for priority, targets in document["targets"].items()
        },
        pauses={metric: frozenset(pauses[metric]) for metric in Metric},
        warn_share=document.get("warn_share", DEFAULT_WARN_SHARE),
        hours=AROUND_THE_CLOCK if calendar is None else EndlessSchedule(calendar),
    )


def default_policy() -> Policy:
    """Return the policy that a new desk begins with."""
    return policy_of(DEFAULT_POLICY, 1, DEFAULT_DOCUMENT, None)
