"""When a delivery is tried again: delays as data, and one pure function over them.

Chance is added and never taken away, and before the wait that the receiver asked for is applied:
so deliveries that failed together spread out, and nobody is called earlier than they asked.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from random import Random

_MINUTE, _HOUR = 60, 3600

#: Seconds before attempt 1, 2, 3 …: 11 attempts over 75.6 hours, so that an endpoint that breaks on
#: Friday evening still gets everything on Monday morning.
WEBHOOK_DELAYS_S = (
    0,
    5,
    1 * _MINUTE,
    5 * _MINUTE,
    30 * _MINUTE,
    2 * _HOUR,
    5 * _HOUR,
    10 * _HOUR,
    14 * _HOUR,
    20 * _HOUR,
    24 * _HOUR,
)

#: 10 attempts over 47.4 hours. No attempt within the first minute, because greylisting (RFC 6647)
#: refuses a mail that comes back sooner.
EMAIL_DELAYS_S = (
    0,
    1 * _MINUTE,
    5 * _MINUTE,
    15 * _MINUTE,
    1 * _HOUR,
    2 * _HOUR,
    4 * _HOUR,
    8 * _HOUR,
    12 * _HOUR,
    20 * _HOUR,
)

#: The share of a delay that chance may add on top.
MAX_JITTER = 0.2

#: Bounds for what a receiver asks for, in seconds: 0 would be no wait, a year would be a loss.
MIN_RETRY_AFTER_S, MAX_RETRY_AFTER_S = 1, 24 * _HOUR


def next_attempt(
    attempts_made: int,
    now: datetime,
    retry_after_s: int | None,
    rng: Random,
    delays_s: Sequence[int] = WEBHOOK_DELAYS_S,
) -> datetime | None:
    """Return when to try next, or None when the schedule is exhausted.

    `attempts_made` counts those already made (0 gives the time of the first), `now` is the end of
    the last one, `retry_after_s` what the receiver asked for (seconds, any value), `rng` the source
    of jitter.
    """
    if attempts_made >= len(delays_s):
        return None
    delay_s = delays_s[attempts_made] * (1 + rng.uniform(0, MAX_JITTER))
    if retry_after_s is not None:
        delay_s = max(delay_s, min(max(retry_after_s, MIN_RETRY_AFTER_S), MAX_RETRY_AFTER_S))
    return now + timedelta(seconds=delay_s)
