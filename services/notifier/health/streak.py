"""How long nothing has got through to an endpoint: warnings to its owner, then disabling.

A streak begins with a failure and ends with a success. It says nothing about whether anything is
sent, that is the breaker's part; and 429 is no failure here, for who says it is there.
"""

from dataclasses import replace
from datetime import timedelta

from services.notifier.health.report import Report, Verdict
from shared.domain.endpoint_health import Health

#: Ages of a streak at which the owner is warned.
WARNINGS = (timedelta(hours=1), timedelta(hours=24), timedelta(hours=72))

#: What disables: days between the first failure and the last without a success, and not just a few
#: of them: a receiver that got next to nothing in that time was hardly tried. Both ends are
#: failures, so a quiet week with a bad hour at its end disables nobody.
DISABLE_AFTER = timedelta(days=5)
MIN_FAILURES = 5

_FAILURES = (Verdict.FAILED, Verdict.REFUSED)


def after(health: Health, report: Report) -> Health:
    """Return the health with the streak moved on by one attempt."""
    if report.verdict is Verdict.DELIVERED:
        return replace(
            health,
            failing_since=None,
            last_failure_at=None,
            failures=0,
            warned=0,
            last_error=None,
            last_success_at=report.ended_at,
        )
    if report.verdict not in _FAILURES:
        return health
    return replace(
        health,
        failing_since=health.failing_since or report.ended_at,
        last_failure_at=report.ended_at,
        failures=health.failures + 1,
        last_error=report.reason,
    )


def warnings_due(health: Health) -> int:
    """Return how many warnings a streak of this age has brought about."""
    return sum(age(health) >= each for each in WARNINGS)


def exhausted(health: Health) -> bool:
    """Tell whether the subscription is to be disabled."""
    return age(health) >= DISABLE_AFTER and health.failures >= MIN_FAILURES


def age(health: Health) -> timedelta:
    """Return the time from the first failure of the streak to the last."""
    if health.failing_since is None or health.last_failure_at is None:
        return timedelta(0)
    return health.last_failure_at - health.failing_since
