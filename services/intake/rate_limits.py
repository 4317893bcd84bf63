"""How often a key may call: a moving window for each key and class of operations, in memory.

Each process counts for itself: with four intake processes a key may send up to four times its
limit. The limit guards the service against one client that runs wild; it is no bill.
"""

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil

from limits import RateLimitItem, RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from shared.domain.errors import QuotaExceeded
from shared.domain.rate import RATE_WINDOW_S, RateClass


@dataclass(frozen=True, slots=True)
class Quota:
    """What a key may send and what is left of it.

    As header fields in the form of draft-ietf-httpapi-ratelimit-headers-10 §3 and §4: `q` requests
    in a window of `w` seconds; `r` are left, and in `t` seconds there will be more.
    """

    rate_class: RateClass
    limit: int
    left: int
    more_in_s: int
    exceeded: bool

    @property
    def headers(self) -> dict[str, str]:
        """The two header fields."""
        return {
            "RateLimit-Policy": f'"{self.rate_class.value}";q={self.limit};w={RATE_WINDOW_S}',
            "RateLimit": f'"{self.rate_class.value}";r={self.left};t={self.more_in_s}',
        }


class RateLimits:
    """Counts requests; `limits` are requests per minute unless a key has its own, 0 for none."""

    def __init__(self, limits: Mapping[RateClass, int]) -> None:
        self._limits = limits
        self._items: dict[int, RateLimitItem] = {}
        self._lock = threading.Lock()
        self._limiter: MovingWindowRateLimiter | None = None

    def take(
        self, key_id: str, rate_class: RateClass, own: Mapping[RateClass, int]
    ) -> Quota | None:
        """Count a request of a key; return what is left, or None if there is no limit.

        `own` has the limits of the key itself.
        """
        limit = own.get(rate_class, self._limits[rate_class])
        if not limit:
            return None
        item = self._items.get(limit)
        if item is None:
            item = self._items[limit] = RateLimitItemPerMinute(limit)
        limiter = self._limiter or self._start()
        name = f"{key_id}/{rate_class.value}"
        taken = limiter.hit(item, name)
        stats = limiter.get_window_stats(item, name)
        more_in_s = min(RATE_WINDOW_S, max(1, ceil(stats.reset_time - time.time())))
        return Quota(rate_class, limit, max(0, stats.remaining), more_in_s, exceeded=not taken)

    def _start(self) -> MovingWindowRateLimiter:
        """Build the limiter, whose storage starts a thread."""
        with self._lock:
            if self._limiter is None:
                self._limiter = MovingWindowRateLimiter(MemoryStorage())
            return self._limiter


def refusal(quota: Quota) -> QuotaExceeded:
    """Return the error for a key that sent more than its quota."""
    message = (
        f"This API key may send {quota.limit} requests of the class {quota.rate_class.value} in "
        f"{RATE_WINDOW_S} seconds. Wait {quota.more_in_s} seconds."
    )
    return QuotaExceeded(
        message, quota.more_in_s, **{"violated-policies": [quota.rate_class.value]}
    )
