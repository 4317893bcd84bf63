"""A schedule: working time as intervals, and questions to it that cost a bisection.

A schedule is built once for a horizon, say from a day back to 35 days ahead, and built anew by
whoever holds it when the horizon comes near or hours, holidays or absences change. Nothing is
expanded while a decision is made.
"""

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from shared.domain.working_time.expansion import Absence
from shared.domain.working_time.intervals import Interval, merged, without

EVER = datetime.min.replace(tzinfo=UTC)
FOREVER = datetime.max.replace(tzinfo=UTC)


class OutsideHorizon(ValueError):
    """A question about a time for which the schedule was not built."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """Working time between `since` and `until`, all in UTC; intervals that touch become one.

    Outside of the horizon `on`, `left`, `next_start` and `next_change` know of no work; `worked`
    and `add`, whose results would be silently wrong, raise OutsideHorizon.
    """

    intervals: tuple[Interval, ...]
    since: datetime = EVER
    until: datetime = FOREVER
    #: Starts and ends in turn: whoever has passed an odd number of them is at work.
    _changes: tuple[datetime, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        intervals = merged(self.intervals)
        object.__setattr__(self, "intervals", intervals)
        object.__setattr__(self, "_changes", tuple(moment for each in intervals for moment in each))

    def without(self, absences: Iterable[Absence]) -> "Schedule":
        """Return the schedule of somebody with these absences.

        Agents of one calendar can share its expansion and differ by this, which costs less.
        """
        holes = merged((each.start, each.end) for each in absences)
        return Schedule(without(self.intervals, holes), self.since, self.until)

    def on(self, now: datetime) -> bool:
        """Tell whether this is working time."""
        return bisect_right(self._changes, now) % 2 == 1

    def left(self, now: datetime) -> timedelta | None:
        """Return how long the present interval lasts, at most to the horizon; None outside of one.

        Where there is no end, it is the time to the year 9999: longer than anything asked for.
        """
        passed = bisect_right(self._changes, now)
        return self._changes[passed] - now if passed % 2 else None

    def next_start(self, now: datetime) -> datetime | None:
        """Return when work begins next, after `now`; None if it does not within the horizon."""
        passed = bisect_right(self._changes, now)
        following = passed + passed % 2
        return self._changes[following] if following < len(self._changes) else None

    def next_change(self, now: datetime) -> datetime | None:
        """Return when work begins or ends next, after `now`; None if it does neither any more.

        The horizon ends an interval that goes on beyond it.
        """
        passed = bisect_right(self._changes, now)
        if passed == len(self._changes) or self._changes[passed] == FOREVER:
            return None
        return self._changes[passed]

    def worked(self, start: datetime, end: datetime) -> timedelta:
        """Return the working time between two moments, 0 if `end` is not after `start`."""
        self._require(start)
        self._require(end)
        total = timedelta(0)
        for begin, finish in self.intervals[bisect_right(self._changes, start) // 2 :]:
            if begin >= end:
                break
            total += max(min(finish, end) - max(begin, start), timedelta(0))
        return total

    def add(self, start: datetime, working: timedelta) -> datetime:
        """Return the earliest moment, from `start` on, by which `working` has been worked.

        That is an end of an interval and not the start of the next, and `start` itself for 0.
        Raises OutsideHorizon if the horizon has too little, ValueError for less than 0.
        """
        self._require(start)
        if working < timedelta(0):
            message = f"Working time cannot be less than 0: {working}."
            raise ValueError(message)
        if not working:
            return start
        rest = working
        for begin, finish in self.intervals[bisect_right(self._changes, start) // 2 :]:
            from_here = max(begin, start)
            if finish - from_here >= rest:
                return from_here + rest
            rest -= finish - from_here
        message = f"The schedule, which ends at {self.until}, has {working - rest} after {start}."
        raise OutsideHorizon(message)

    def _require(self, moment: datetime) -> None:
        if not self.since <= moment <= self.until:
            message = f"{moment} is not between {self.since} and {self.until}."
            raise OutsideHorizon(message)


#: No calendar: every moment is working time.
ALWAYS = Schedule(((EVER, FOREVER),))
