"""How fast mails go to each domain: providers refuse, and then distrust, who sends in bursts.

The generic cell rate algorithm (ITU-T I.371) with a second's worth of burst. A mail that has to
wait gets a time of its own, so that a thousand of them come back one after the other.
"""

from datetime import datetime, timedelta

_BURST = timedelta(seconds=1)
#: Domains that are remembered; of those beyond, the ones that are free again are forgotten.
MAX_DOMAINS = 10_000
#: Mails whose times are remembered, and for how long after them: one that does not come back went
#: out elsewhere or was cancelled.
MAX_PROMISES, PROMISE_KEPT = 100_000, timedelta(hours=1)
#: How often those that are over are looked for while there is no room.
_SWEEP_EVERY = timedelta(minutes=1)


class DomainRate:
    """Paces mails by the domain of their receiver; `per_s` 0 does not."""

    def __init__(self, per_s: float) -> None:
        self._interval = timedelta(seconds=1 / per_s) if per_s else None
        #: When each domain has had all that it was sent, at the steady rate.
        self._busy_until: dict[str, datetime] = {}
        self._promised: dict[str, datetime] = {}
        self._swept_at: datetime | None = None

    def wait(self, delivery_id: str, address: str, now: datetime) -> datetime | None:
        """Return when a mail may go, or None if it may now."""
        if self._interval is None:
            return None
        promised = self._promised.pop(delivery_id, None)
        if promised is not None and promised <= now:
            return None
        domain = address.rpartition("@")[2].lower()
        self._forget(now)
        busy_until = max(self._busy_until.get(domain, now), now)
        if promised is None:
            late = busy_until - now + self._interval > max(_BURST, self._interval)
            if late and self._crowded(now):
                # Nobody would know of its time: it asks again when all who have one are through.
                return busy_until
            self._busy_until[domain] = busy_until + self._interval
            if not late:
                return None
            promised = busy_until - max(_BURST - self._interval, timedelta(0))
        self._promised[delivery_id] = promised
        return promised

    def _crowded(self, now: datetime) -> bool:
        """Tell whether there is no room for another promise."""
        if len(self._promised) < MAX_PROMISES:
            return False
        if self._swept_at is None or now - self._swept_at >= _SWEEP_EVERY:
            self._swept_at = now
            over = now - PROMISE_KEPT
            self._promised = {each: at for each, at in self._promised.items() if at > over}
        return len(self._promised) >= MAX_PROMISES

    def _forget(self, now: datetime) -> None:
        if len(self._busy_until) >= MAX_DOMAINS:
            self._busy_until = {d: at for d, at in self._busy_until.items() if at > now}
