"""Working time: weekly hours in a time zone, holidays and absences, and what follows from them.

`hours` is what people write, `expansion` turns it into UTC intervals, `schedule` answers questions
about them by bisection, and `documents` goes all the way from stored documents to a schedule.
Pure, but for the time zone database, which `zoneinfo` reads once for each zone and process.
"""

from shared.domain.working_time.documents import hours_of, schedule_of
from shared.domain.working_time.expansion import Absence, Holiday, expand
from shared.domain.working_time.hours import WEEKDAYS, Span, WeeklyHours, overlaps, span
from shared.domain.working_time.intervals import Interval
from shared.domain.working_time.schedule import ALWAYS, OutsideHorizon, Schedule
from shared.domain.working_time.zones import is_time_zone, nearest_time_zone

__all__ = [
    "ALWAYS",
    "WEEKDAYS",
    "Absence",
    "Holiday",
    "Interval",
    "OutsideHorizon",
    "Schedule",
    "Span",
    "WeeklyHours",
    "expand",
    "hours_of",
    "is_time_zone",
    "nearest_time_zone",
    "overlaps",
    "schedule_of",
    "span",
]
