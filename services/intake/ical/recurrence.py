"""The repetitions of an event: RRULE, RDATE, EXDATE (RFC 5545 §3.8.5), bounded.

`dateutil` computes them in local time, so that 09:00 stays 09:00 when clocks are set.
"""

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from itertools import islice, takewhile
from typing import Any
from zoneinfo import ZoneInfo

from dateutil.rrule import rrulestr
from icalendar import vRecur

from services.intake.ical.content_lines import Property
from services.intake.ical.event import Event
from services.intake.ical.values import LocalTime

#: Repetitions of one file at the most, those of the past included.
MAX_REPETITIONS = 20_000

#: What one step of each rhythm costs and how many days it is; a file may cost MAX_STEPS, about a
#: second. Hours and shorter are no rhythm of leave or holidays, and are thousands a day.
_RHYTHMS = {"DAILY": (1, 1), "WEEKLY": (2, 7), "MONTHLY": (5, 30), "YEARLY": (40, 365)}
MAX_STEPS = 500_000
_TOO_FINE = ("BYHOUR", "BYMINUTE", "BYSECOND")

#: The calendar repeats after 400 years, weekdays and leap years included.
_ERA_YEARS = 400


class Repetitions:
    """Repeats the events of one file; counts, so that no file costs more than it may."""

    def __init__(self, until: datetime) -> None:
        """Take the moment, in UTC, beyond which no event begins."""
        # A day more: local times are ahead of UTC by up to 14 hours.
        self._until = until.replace(tzinfo=None) + timedelta(days=1)
        self._repetitions = MAX_REPETITIONS
        self._steps = MAX_STEPS

    def starts(self, event: Event, replaced: frozenset[datetime]) -> list[datetime]:
        """Return when an event begins, naive in its own time, without what others replace.

        Raises InvalidInput.
        """
        found = set(event.added)
        if event.rule is None:
            found.add(event.start.at)
        else:
            found.update(self._by_rule(event, event.rule))
        return sorted(found - event.excluded - replaced)

    def _by_rule(self, event: Event, rule: Property) -> list[datetime]:
        try:
            recur = vRecur.from_ical(rule.value)
            end = _checked(recur, event.start, self._until)
            self._count_steps(recur, end - event.start.at)
            return self._repeated(recur, event.start.at, end)
        except (ValueError, TypeError, IndexError, OverflowError) as error:
            raise event.fault(f"RRULE: {error}", rule.line) from error

    def _count_steps(self, recur: Mapping[str, Any], length: timedelta) -> None:
        cost, days = _RHYTHMS[recur["FREQ"][0]]
        self._steps -= cost * (1 + max(length.days, 0) // (days * recur.get("INTERVAL", [1])[0]))
        if self._steps < 0:
            message = "All rules of the file reach too far back in all; let them begin later."
            raise ValueError(message)

    def _repeated(self, recur: vRecur, start: datetime, end: datetime) -> list[datetime]:
        if start > end:
            return []
        # dateutil gives up on a rule that never comes true in the year 9999. Moved there by whole
        # eras, it does so at once; with the eras taken off again, the result is the same.
        eras = (9998 - end.year) // _ERA_YEARS * _ERA_YEARS
        last = _moved(end, eras)
        text = vRecur({key: value for key, value in recur.items() if key != "UNTIL"}).to_ical()
        repeating = rrulestr(text.decode(), dtstart=_moved(start, eras))
        until_end = takewhile(lambda each: each <= last, repeating)
        found = list(islice(until_end, self._repetitions + 1))
        self._repetitions -= len(found)
        if not found:
            message = f"It gives no day from {start:%Y-%m-%d} to {end:%Y-%m-%d}."
            raise ValueError(message)
        if self._repetitions < 0:
            message = f"More than {MAX_REPETITIONS} repetitions in the file; send fewer."
            raise ValueError(message)
        return [_moved(each, -eras) for each in found]


def _checked(recur: Mapping[str, Any], start: LocalTime, limit: datetime) -> datetime:
    """Return up to when a rule goes, at most `limit`; raises ValueError for one not taken."""
    if recur.get("FREQ", [""])[0] not in _RHYTHMS:
        message = f"FREQ must be one of {', '.join(_RHYTHMS)}."
        raise ValueError(message)
    fine = [name for name in _TOO_FINE if name in recur]
    if fine:
        message = f"{fine[0]} is not taken; one event a time of day, please."
        raise ValueError(message)
    for name in ("INTERVAL", "COUNT"):
        if recur.get(name, [1])[0] < 1:
            message = f"{name} must be at least 1."
            raise ValueError(message)
    if "UNTIL" not in recur:
        return limit
    if "COUNT" in recur:
        message = "COUNT and UNTIL exclude each other."
        raise ValueError(message)
    until = _until(recur["UNTIL"][0], start)
    if until < start.at:
        message = "UNTIL is before DTSTART."
        raise ValueError(message)
    return min(until, limit)


def _until(value: date, start: LocalTime) -> datetime:
    if not isinstance(value, datetime):
        return datetime.combine(value, time.max)
    zone = None if value.tzinfo is None else ZoneInfo("UTC")
    written = LocalTime(value.replace(tzinfo=None), zone, whole_day=False)
    return written.seen_from(start)


def _moved(moment: datetime, years: int) -> datetime:
    return moment.replace(year=moment.year + years)
