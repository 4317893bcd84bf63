"""The rate limit of an endpoint: a token bucket that holds what one second brings."""

from dataclasses import replace
from datetime import datetime, timedelta

from shared.domain.endpoint_health import Health

#: An empty bucket is looked at again after this much at the earliest, so that a high rate costs no
#: transaction for each single token.
SHORTEST_REST = timedelta(milliseconds=100)


def refilled(health: Health, per_s: int, now: datetime) -> Health:
    """Return the health with the tokens there are now; a bucket never used before is full."""
    if health.tokens_at is None:
        return replace(health, tokens=float(per_s), tokens_at=now)
    grown = max(0.0, (now - health.tokens_at).total_seconds()) * per_s
    return replace(health, tokens=min(float(per_s), health.tokens + grown), tokens_at=now)


def spent(health: Health, per_s: int, count: int, now: datetime) -> Health:
    """Return the health after so many tokens of a refilled bucket were used."""
    tokens = health.tokens - count
    if tokens >= 1:
        return replace(health, tokens=tokens, rate_until=None)
    wait = max(timedelta(seconds=(1 - tokens) / per_s), SHORTEST_REST)
    return replace(health, tokens=tokens, rate_until=now + wait)
