"""From documents, as the database and the API hold them, to a schedule.

    {"monday": [{"start": "09:00", "end": "17:30"}], "friday": [{"start": "22:00", "end": "06:00"}]}

Documents were checked by `shared.schemas.calendar` when they came in; what breaks its rules raises
ValueError, KeyError or ZoneInfoNotFoundError here.
"""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any

from shared.domain.working_time.expansion import Absence, Holiday, expand
from shared.domain.working_time.hours import WEEKDAYS, WeeklyHours, span
from shared.domain.working_time.schedule import ALWAYS, Schedule

Document = Mapping[str, Any]


def hours_of(document: Document) -> WeeklyHours:
    """Return the weekly hours of a document with `time_zone` and `hours`; days may be left out."""
    return WeeklyHours(
        document["time_zone"],
        tuple(
            tuple(span(each["start"], each["end"]) for each in document["hours"].get(day, ()))
            for day in WEEKDAYS
        ),
    )


def holidays_of(document: Document) -> tuple[Holiday, ...]:
    """Return the holidays of a calendar's document."""
    return tuple(
        Holiday(date.fromisoformat(each["date"]), each.get("name", ""))
        for each in document["holidays"]
    )


def schedule_of(
    calendar: Document | None,
    shifts: Document | None,
    absences: Iterable[Absence],
    start: datetime,
    end: datetime,
) -> Schedule | None:
    """Return when somebody works between two moments; None if nothing limits it: always.

    `calendar` has `time_zone`, `hours` and `holidays` (a row of `calendars` does), `shifts` has
    `time_zone` and `hours` and takes the place of the calendar's hours. The calendar's holidays
    hold all the same, as local days of the shifts' zone. Who has neither, but absences, works at
    any other time, whatever the horizon.
    """
    away = tuple(absences)
    hours = calendar if shifts is None else shifts
    if hours is None:
        return ALWAYS.without(away) if away else None
    holidays = () if calendar is None else holidays_of(calendar)
    return Schedule(expand(hours_of(hours), holidays, away, start, end), start, end)
