"""What a receiver asks for by Retry-After holds for the endpoint, not for one message.

CloudEvents HTTP webhook 1.0.2 section 2.2: a sender that is told to wait sends no further requests
until then.
"""

from dataclasses import replace
from datetime import timedelta

from services.notifier.health.report import Report
from services.notifier.schedule import MAX_RETRY_AFTER_S, MIN_RETRY_AFTER_S
from shared.domain.endpoint_health import Health

#: A pause from this length on is an outage: what waited through it is looked at before it is sent.
OUTAGE = timedelta(minutes=5)


def after(health: Health, report: Report) -> Health:
    """Return the health with the pause that an answer asked for; a longer one in force stays."""
    if report.wait_s is None:
        return health
    wait = timedelta(seconds=min(max(report.wait_s, MIN_RETRY_AFTER_S), MAX_RETRY_AFTER_S))
    until = report.ended_at + wait
    if health.paused_until is not None:
        until = max(until, health.paused_until)
    return replace(health, paused_until=until, stale=health.stale or wait >= OUTAGE)
