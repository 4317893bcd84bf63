"""Time as a dependency: whoever needs the time of day is given a clock.

Reading the wall clock in the middle of a rule makes the rule untestable and makes replay
impossible; a clock in the constructor costs one argument.
"""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Protocol


class Clock(Protocol):
    """Tells the present moment."""

    def now(self) -> datetime:
        """Return the present moment, aware and in UTC."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Return the machine's time in UTC."""
        return datetime.now(UTC)


class ManualClock:
    """A clock that moves only when told: for tests and simulations."""

    def __init__(self, start: datetime) -> None:
        self._now = start.astimezone(UTC)

    def now(self) -> datetime:
        """Return the time set last."""
        return self._now

    def advance(self, delta: timedelta) -> None:
        """Move forward by `delta`."""
        self._now += delta


@lru_cache(maxsize=256)
def rfc3339(moment: datetime) -> str:
    """Write a UTC moment as RFC 3339 with microseconds and `Z`: `2026-01-02T03:04:05.678901Z`.

    Sliced out of `isoformat` and not formatted by `strftime`, which is several times slower and
    stands on the path of every ticket; and a batch writes the same few moments all over.
    """
    text = moment.isoformat()
    return f"{text[:26]}Z" if moment.microsecond else f"{text[:19]}.000000Z"
