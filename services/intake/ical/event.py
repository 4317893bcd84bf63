"""One VEVENT, read and checked (RFC 5545 §3.6.1)."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from icalendar import vText

from services.intake.ical.content_lines import EventLines, Property, refused
from services.intake.ical.values import (
    MAX_LENGTH,
    LocalTime,
    Unreadable,
    duration,
    in_utc,
    local_time,
    local_times,
)
from shared.domain.errors import InvalidInput

#: What an event may have once at most, of what is read here.
_ONCE = frozenset({"DTSTART", "DTEND", "DURATION", "RRULE", "UID", "RECURRENCE-ID", "STATUS"})
_ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Event:
    """An event. It lasts `days` by the calendar and then `rest` by the clock.

    `excluded` and `added` are starts, naive like `start.at`. An event with `replaces` stands for
    the repetition of the same `uid` that would have begun at that time.
    """

    lines: EventLines
    uid: str | None
    summary: str
    start: LocalTime
    days: int
    rest: timedelta
    rule: Property | None
    excluded: frozenset[datetime]
    added: tuple[datetime, ...]
    replaces: LocalTime | None
    cancelled: bool

    def moments(self, start: datetime, zone: ZoneInfo) -> tuple[datetime, datetime]:
        """Return start and end in UTC of the repetition that begins at `start`.

        `zone` is for days and for floating times, which have none of their own.
        """
        own = zone if self.start.whole_day or self.start.zone is None else self.start.zone
        return in_utc(start, own), in_utc(start + timedelta(days=self.days), own) + self.rest

    def fault(self, detail: str, line: int | None = None) -> InvalidInput:
        """Return the error for something wrong with this event."""
        return _fault(self.lines, detail, line)


def read(lines: EventLines) -> Event:
    """Return the event of these lines; raises InvalidInput."""
    found = _sorted(lines)
    start = _needed(lines, found)
    days, rest = _length(lines, found, start)
    single = {name: properties[0] for name, properties in found.items()}
    return Event(
        lines=lines,
        uid=single["UID"].value if "UID" in single else None,
        summary=str(vText.from_ical(single["SUMMARY"].value)) if "SUMMARY" in single else "",
        start=start,
        days=days,
        rest=rest,
        rule=single.get("RRULE"),
        excluded=frozenset(_starts(lines, found.get("EXDATE", []), start)),
        added=tuple(_starts(lines, found.get("RDATE", []), start)),
        replaces=_time(lines, single["RECURRENCE-ID"]) if "RECURRENCE-ID" in single else None,
        cancelled="STATUS" in single and single["STATUS"].value.strip().upper() == "CANCELLED",
    )


def _sorted(lines: EventLines) -> dict[str, list[Property]]:
    found: dict[str, list[Property]] = {}
    for each in lines.properties:
        found.setdefault(each.name, []).append(each)
    for name in _ONCE & found.keys():
        if len(found[name]) > 1:
            raise _fault(lines, f"A second {name}.", found[name][1].line)
    if "EXRULE" in found:
        message = "EXRULE is no longer part of iCalendar; write EXDATE."
        raise _fault(lines, message, found["EXRULE"][0].line)
    for each in found.get("RECURRENCE-ID", ()):
        if "RANGE" in each.parameters:
            message = "RANGE is not taken; end the first event by UNTIL and begin another."
            raise _fault(lines, message, each.line)
    return found


def _needed(lines: EventLines, found: dict[str, list[Property]]) -> LocalTime:
    if "DTSTART" not in found:
        raise _fault(lines, "It has no DTSTART.")
    return _time(lines, found["DTSTART"][0])


def _length(
    lines: EventLines, found: dict[str, list[Property]], start: LocalTime
) -> tuple[int, timedelta]:
    """Return days by the calendar and the rest by the clock; without an end, a day is one day."""
    if "DTEND" in found:
        return _until(lines, found["DTEND"][0], start)
    if "DURATION" in found:
        try:
            length = duration(found["DURATION"][0])
        except Unreadable as error:
            raise _fault(lines, str(error), found["DURATION"][0].line) from error
        if start.whole_day and length % _ONE_DAY:
            raise _fault(lines, "A day cannot last hours.", found["DURATION"][0].line)
        return length.days, length % _ONE_DAY
    if start.whole_day:
        return 1, timedelta(0)
    raise _fault(lines, "It has neither DTEND nor DURATION.")


def _until(lines: EventLines, found: Property, start: LocalTime) -> tuple[int, timedelta]:
    end = _time(lines, found)
    if end.whole_day is not start.whole_day:
        raise _fault(lines, "Of DTSTART and DTEND one is a day and one a time.", found.line)
    if not end.whole_day and (end.zone is None) is not (start.zone is None):
        raise _fault(lines, "Of DTSTART and DTEND only one has a time zone.", found.line)
    if start.whole_day or start.zone is None or end.zone is None:
        length = end.at - start.at
    else:
        length = in_utc(end.at, end.zone) - in_utc(start.at, start.zone)
    if not timedelta(0) < length <= MAX_LENGTH:
        message = f"It does not end after it starts, or lasts more than {MAX_LENGTH.days} days."
        raise _fault(lines, message, found.line)
    return (length.days, timedelta(0)) if start.whole_day else (0, length)


def _starts(lines: EventLines, properties: list[Property], start: LocalTime) -> Iterator[datetime]:
    for each in properties:
        try:
            times = local_times(each)
        except Unreadable as error:
            raise _fault(lines, str(error), each.line) from error
        yield from (found.seen_from(start) for found in times)


def _time(lines: EventLines, found: Property) -> LocalTime:
    try:
        return local_time(found)
    except Unreadable as error:
        raise _fault(lines, str(error), found.line) from error


def _fault(lines: EventLines, detail: str, line: int | None = None) -> InvalidInput:
    return refused((line or lines.line, f"Event {lines.number}: {detail}"))
