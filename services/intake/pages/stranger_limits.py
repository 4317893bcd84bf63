"""How often strangers may send: a moving window for each network, e-mail address or signed link.

In memory, each process for itself: with four intake processes a stranger may send up to four times
as much. It guards against floods; what passes is small enough to be marked as spam by hand.
"""

import ipaddress
import threading
import time
from enum import StrEnum
from math import ceil

from limits import RateLimitItemPerHour
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

#: Who has one IPv6 address usually has the /64 around it.
_IPV6_PREFIX = 64

#: Posts to one signed link in an hour: each click after the first changes nothing.
LINK_LIMIT_PER_HOUR = 20


class Counted(StrEnum):
    """What requests are counted by."""

    IP = "ip"
    EMAIL = "email"
    LINK = "link"


class StrangerLimits:
    """Counts requests; `limits` are requests in an hour, 0 for no limit."""

    def __init__(self, limits: dict[Counted, int]) -> None:
        self._items = {kind: RateLimitItemPerHour(n) for kind, n in limits.items() if n}
        self._lock = threading.Lock()
        self._limiter: MovingWindowRateLimiter | None = None

    def take(self, kind: Counted, name: str) -> int | None:
        """Count a request; return None if it may pass, else the minutes until the next one may."""
        item = self._items.get(kind)
        if item is None:
            return None
        limiter = self._limiter or self._start()
        name = f"{kind.value}/{network_of(name) if kind is Counted.IP else name.lower()}"
        if limiter.hit(item, name):
            return None
        left_s = limiter.get_window_stats(item, name).reset_time - time.time()
        return max(1, ceil(left_s / 60))

    def _start(self) -> MovingWindowRateLimiter:
        """Build the limiter, whose storage starts a thread."""
        with self._lock:
            if self._limiter is None:
                self._limiter = MovingWindowRateLimiter(MemoryStorage())
            return self._limiter


def network_of(address: str) -> str:
    """Return what an address is counted as: itself, or the /64 that it is in."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped is not None:
            return str(ip.ipv4_mapped)
        return str(ipaddress.ip_network((ip, _IPV6_PREFIX), strict=False))
    return str(ip)
