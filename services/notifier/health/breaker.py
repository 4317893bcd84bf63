"""The circuit breaker of an endpoint (M. Nygard, Release It!, 2nd ed., ch. 5).

It opens after failures in a row, or when half of what is sent fails; while it is open nothing is
sent, and what is due waits without using up its attempts. Then one delivery goes out as a probe:
taken, the breaker closes; failed, it rests twice as long.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from services.notifier.health.report import Report, Verdict
from shared.domain.endpoint_health import Health

#: Failures in a row that open it, and what each counts. A receiver that is up and says no says the
#: same to the next delivery, so a refusal counts double.
FAILURES_IN_ROW = 5
_WEIGHTS = {Verdict.FAILED: 1, Verdict.THROTTLED: 1, Verdict.REFUSED: 2}

#: The window that begins with a failure, and what opens the breaker within it.
WINDOW = timedelta(seconds=60)
WINDOW_ATTEMPTS, WINDOW_SHARE = 20, 0.5

#: The first rest; each further one is twice as long, up to the longest.
FIRST_REST, LONGEST_REST = timedelta(seconds=30), timedelta(minutes=15)
_DOUBLINGS = 5


def rest(opens: int) -> timedelta:
    """Return how long the breaker rests when it opens for the n-th time (from 1) in a row."""
    doublings: int = 2 ** min(opens - 1, _DOUBLINGS)
    return min(FIRST_REST * doublings, LONGEST_REST)


def after(health: Health, report: Report) -> Health:
    """Return the health with the breaker's part of it moved on by one attempt."""
    if report.verdict is Verdict.NOTHING:
        return health
    if health.opened_at is not None:
        # What was under way when it opened says how things were, not how they are.
        straggler = report.started_at < health.opened_at
        return health if straggler else _after_probe(health, report)
    if _asks_for_time(report):
        return health
    failed = report.verdict in _WEIGHTS
    counted = _count(health, report, failed=failed)
    return _open(counted, report.ended_at) if failed and _too_much(counted) else counted


def _asks_for_time(report: Report) -> bool:
    """Tell whether it is obeyed as a pause: to rest longer than asked would help nobody."""
    return report.verdict in _WEIGHTS and report.wait_s is not None


def _after_probe(health: Health, report: Report) -> Health:
    if report.verdict in _WEIGHTS and not _asks_for_time(report):
        return _open(health, report.ended_at)
    return replace(
        health,
        open_until=None,
        opened_at=None,
        opens=0,
        failures_in_row=0,
        window_began_at=None,
        window_attempts=0,
        window_failures=0,
    )


def _open(health: Health, now: datetime) -> Health:
    opens = health.opens + 1
    return replace(health, opens=opens, opened_at=now, open_until=now + rest(opens), stale=True)


def _count(health: Health, report: Report, *, failed: bool) -> Health:
    """Count an attempt. A window begins with a failure: before it there is nothing to measure."""
    in_row = health.failures_in_row + _WEIGHTS[report.verdict] if failed else 0
    began, attempts, failures = (
        health.window_began_at,
        health.window_attempts,
        health.window_failures,
    )
    if began is not None and report.ended_at - began > WINDOW:
        began, attempts, failures = None, 0, 0
    if failed and began is None:
        began = report.ended_at
    return replace(
        health,
        failures_in_row=in_row,
        window_began_at=began,
        window_attempts=attempts + (began is not None),
        window_failures=failures + failed,
    )


def _too_much(health: Health) -> bool:
    share = health.window_failures / max(1, health.window_attempts)
    in_window = health.window_attempts >= WINDOW_ATTEMPTS and share >= WINDOW_SHARE
    return in_window or health.failures_in_row >= FAILURES_IN_ROW
