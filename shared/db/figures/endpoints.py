"""Webhook subscriptions by the health of their endpoints."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, func, or_, select

from shared.db.models import EndpointHealth, Subscription
from shared.db.models.base import table
from shared.domain.endpoint_health import EndpointState, Health
from shared.observability.figures import ENDPOINTS, Figure, Sample

_HEALTH, _SUBSCRIPTIONS = table(EndpointHealth), table(Subscription)

DISABLED = "disabled"


def read(connection: Connection, now: datetime) -> dict[Figure, Sequence[Sample]]:
    """Return how many subscriptions there are in each state, and how many are disabled."""
    by_enabled = select(_SUBSCRIPTIONS.c.enabled, func.count()).group_by(_SUBSCRIPTIONS.c.enabled)
    counted = {row[0]: row[1] for row in connection.execute(by_enabled)}
    health = _HEALTH.c
    columns = (
        health.open_until,
        health.paused_until,
        health.failures_in_row,
        health.failing_since,
    )
    # The others are healthy, and nearly all.
    troubled = (
        select(*columns)
        .join(_SUBSCRIPTIONS, _SUBSCRIPTIONS.c.id == health.subscription_id)
        .where(
            _SUBSCRIPTIONS.c.enabled,
            or_(
                health.open_until.is_not(None),
                health.paused_until > now,
                health.failures_in_row > 0,
                health.failing_since.is_not(None),
            ),
        )
    )
    states = Counter(
        Health(**row).state(now) for row in connection.execute(troubled).mappings().all()
    )
    healthy = counted.get(True, 0) - sum(states.values())
    counts = {state.value: states[state] for state in EndpointState}
    counts[EndpointState.HEALTHY] += healthy
    counts[DISABLED] = counted.get(False, 0)
    return {ENDPOINTS: [((state,), count) for state, count in counts.items()]}
