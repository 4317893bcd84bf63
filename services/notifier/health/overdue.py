"""What the clock alone makes of a streak, between two attempts.

The attempts of one event come at wider and wider intervals, up to a day. So that warnings and the
end come at their time and not at the next attempt's, somebody looks: as long as an event that
failed is still on its way, the streak is as old as its first failure.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from services.notifier.health import streak
from services.notifier.health.observe import News, NewsKind
from services.notifier.schedule import MAX_JITTER, WEBHOOK_DELAYS_S
from shared.domain.endpoint_health import Health

#: The longest time between two attempts, and an hour for rests and waits. A failure further back is
#: not the last word: what was answered since, such as 429, counts as no failure.
LONGEST_SILENCE = timedelta(seconds=max(WEBHOOK_DELAYS_S) * (1 + MAX_JITTER), hours=1)


def overdue(health: Health, now: datetime) -> tuple[Health, News | None]:
    """Return what is to be told now, and the health after it was.

    For an endpoint that is enabled and to which something that failed is still on its way.
    """
    since, last = health.failing_since, health.last_failure_at
    if since is None or last is None or now - last > LONGEST_SILENCE:
        return health, None
    aged = replace(health, last_failure_at=max(last, now))
    if streak.exhausted(aged):
        after = Health(last_error=health.last_error, stale=True)
        return after, _news(NewsKind.DISABLED, health, since, now)
    due = streak.warnings_due(aged)
    if due > health.warned:
        return replace(health, warned=due), _news(NewsKind.FAILING, health, since, now)
    return health, None


def _news(kind: NewsKind, health: Health, since: datetime, now: datetime) -> News:
    return News(kind, now, since, health.failures, health.last_error or "")
