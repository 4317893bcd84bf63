"""Working time without a horizon: weekly hours and holidays, expanded a year at a time when asked.

A `Schedule` is built for a horizon that whoever asks must know beforehand. A due date has none: ten
working days after a Friday in December may lie anywhere. Each year is expanded once and kept, so
what a question costs is what one to a `Schedule` costs.
"""

from datetime import UTC, datetime, timedelta
from typing import Protocol

from shared.domain.working_time.documents import Document, holidays_of, hours_of
from shared.domain.working_time.expansion import expand
from shared.domain.working_time.schedule import OutsideHorizon, Schedule

#: How many years ahead a due date is looked for. Whoever works an hour a week has worked the
#: longest target, a year of hours, only after 168 years; those never fall due.
MAX_YEARS = 20


class Hours(Protocol):
    """When work is done, whatever the time asked for."""

    def worked(self, start: datetime, end: datetime) -> timedelta:
        """Return the working time between two moments, 0 if `end` is not after `start`."""
        ...

    def add(self, start: datetime, working: timedelta) -> datetime:
        """Return the earliest moment, from `start` on, by which `working` has been worked.

        Raises OutsideHorizon if that never comes.
        """
        ...


class AroundTheClock:
    """Every moment is working time: 24x7."""

    def worked(self, start: datetime, end: datetime) -> timedelta:
        """Return the time between two moments, 0 if `end` is not after `start`."""
        return max(end - start, timedelta(0))

    def add(self, start: datetime, working: timedelta) -> datetime:
        """Return `start` and `working` later."""
        return start + working


class EndlessSchedule:
    """A calendar's hours, for ever: the document has `time_zone`, `hours` and `holidays`.

    Safe to share between threads: at worst two expand the same year, to the same.
    """

    def __init__(self, calendar: Document) -> None:
        self._hours = hours_of(calendar)
        self._holidays = holidays_of(calendar)
        self._years: dict[int, Schedule] = {}

    def worked(self, start: datetime, end: datetime) -> timedelta:
        """Return the working time between two moments, 0 if `end` is not after `start`."""
        total = timedelta(0)
        for year in range(start.year, end.year + 1):
            schedule = self._year(year)
            total += schedule.worked(max(start, schedule.since), min(end, schedule.until))
        return total

    def add(self, start: datetime, working: timedelta) -> datetime:
        """Return the earliest moment, from `start` on, by which `working` has been worked.

        That is an end of a span of work and not the start of the next. Raises OutsideHorizon if
        the next `MAX_YEARS` have too little.
        """
        rest, at = working, start
        for year in range(start.year, min(start.year + MAX_YEARS, 9998)):
            schedule = self._year(year)
            try:
                return schedule.add(at, rest)
            except OutsideHorizon:
                rest -= schedule.worked(at, schedule.until)
                at = schedule.until
        message = f"{working} of work after {start} is not done within {MAX_YEARS} years."
        raise OutsideHorizon(message)

    def _year(self, year: int) -> Schedule:
        found = self._years.get(year)
        if found is None:
            start, end = datetime(year, 1, 1, tzinfo=UTC), datetime(year + 1, 1, 1, tzinfo=UTC)
            intervals = expand(self._hours, self._holidays, (), start, end)
            found = self._years[year] = Schedule(intervals, start, end)
        return found


#: For policies that name no calendar.
AROUND_THE_CLOCK = AroundTheClock()
