"""Weekly hours, holidays and absences as moments of UTC.

Spans and holidays go by the clock on the wall, so how long they are depends on the day. A time
that comes twice, because clocks are set back, means the first of the two; one that does not exist,
because they are set forward, means the end of the gap. A span from 01:00 to 05:00 therefore has
three hours, or five, on such a night, and one that lies within the gap has none.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from shared.domain.working_time.hours import WeeklyHours
from shared.domain.working_time.intervals import Interval, merged, within, without
from shared.domain.working_time.zones import first_moment

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Holiday:
    """A day without work, from midnight to midnight in the time zone of whoever has it."""

    day: date
    name: str = ""


@dataclass(frozen=True, slots=True)
class Absence:
    """Somebody is not there from `start` to before `end`, both in UTC."""

    start: datetime
    end: datetime


def expand(
    hours: WeeklyHours,
    holidays: Iterable[Holiday],
    absences: Iterable[Absence],
    start: datetime,
    end: datetime,
) -> tuple[Interval, ...]:
    """Return the working time between two moments as sorted, disjoint UTC intervals.

    Holidays take away local days in the zone of the hours: of a night shift into a holiday only the
    part after midnight. `start` and `end` are aware; intervals that they cut are shortened.
    """
    zone = hours.zone
    # Local dates may jump over a day (Samoa, 2011) or go back at midnight; spans cross midnight.
    first = start.astimezone(zone).date() - 2 * _DAY
    last = end.astimezone(zone).date() + _DAY
    days = sorted({each.day for each in holidays if first <= each.day <= last})
    free = merged((_midnight(day, zone), _midnight(day + _DAY, zone)) for day in days)
    working = without(merged(_spans(hours, zone, first, last)), free)
    present = without(working, merged((each.start, each.end) for each in absences))
    return within(present, start.astimezone(UTC), end.astimezone(UTC))


def _spans(hours: WeeklyHours, zone: ZoneInfo, first: date, last: date) -> Iterator[Interval]:
    for number in range((last - first).days + 1):
        day = first + number * _DAY
        midnight = datetime.combine(day, time())
        for span in hours.days[day.weekday()]:
            yield (
                first_moment(midnight + timedelta(minutes=span.start), zone),
                first_moment(midnight + timedelta(minutes=span.end), zone),
            )


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return first_moment(datetime.combine(day, time()), zone)
