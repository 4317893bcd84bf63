"""The lines of an iCalendar file: unfolded, parsed, and sorted into events (RFC 5545 §3.1, §3.4).

Everything but VEVENTs is passed over, alarms within them included; but it must be well formed.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from icalendar.parser import Contentline

from shared.domain.errors import FieldError, InvalidInput

#: Events of one file at the most.
MAX_EVENTS = 2000

#: Characters of a fault at the most.
MAX_QUOTED = 200

REFUSED = "The iCalendar file is not acceptable; nothing of it was taken."


@dataclass(frozen=True, slots=True)
class Property:
    """One content line: `DTSTART;TZID=Europe/Berlin:20260301T090000`. Names are upper case."""

    line: int
    name: str
    parameters: Mapping[str, str]
    value: str


@dataclass(frozen=True, slots=True)
class EventLines:
    """A VEVENT as it stands in the file: the how-many-th, on which line, and its properties."""

    number: int
    line: int
    properties: tuple[Property, ...]


def refused(*faults: tuple[int, str]) -> InvalidInput:
    """Return the error for a file: each fault is a line, from 1, and what is wrong there."""
    errors = [FieldError(f"/line/{line}", _short(detail)) for line, detail in faults]
    return InvalidInput(REFUSED, errors)


def events_of(text: str) -> list[EventLines]:
    """Return the events of a file in order; raises InvalidInput."""
    events: list[EventLines] = []
    path: list[str] = []
    properties: list[Property] = []
    begun, last = 0, 1
    if not text.strip():
        raise refused((last, "The file is empty; expected BEGIN:VCALENDAR."))
    for last, line in _unfolded(text):
        found = _parsed(last, line)
        if not path and (found.name, found.value.upper()) != ("BEGIN", "VCALENDAR"):
            raise refused((last, "Expected BEGIN:VCALENDAR; is this an iCalendar file?"))
        if found.name == "BEGIN":
            path.append(found.value.upper())
            if path == ["VCALENDAR", "VEVENT"]:
                begun, properties = last, []
                if len(events) == MAX_EVENTS:
                    raise refused((last, f"More than {MAX_EVENTS} events; send fewer."))
        elif found.name == "END":
            if path.pop() != found.value.upper():
                raise refused((last, f"{line.strip()} ends what was not begun last."))
            if path == ["VCALENDAR"] and found.value.upper() == "VEVENT":
                events.append(EventLines(len(events) + 1, begun, tuple(properties)))
        elif path == ["VCALENDAR", "VEVENT"]:
            properties.append(found)
    if path:
        raise refused((last, f"The file ends before END:{path[-1]}."))
    return events


def _unfolded(text: str) -> Iterator[tuple[int, str]]:
    """Yield each content line with the number of the line on which it begins."""
    begun, whole = 0, ""
    # Not `splitlines`, which also breaks at characters that may stand within a text.
    for number, line in enumerate(text.removeprefix("\ufeff").replace("\r\n", "\n").split("\n"), 1):
        if line[:1] in (" ", "\t") and whole:
            whole += line[1:]
            continue
        if whole.strip():
            yield begun, whole
        begun, whole = number, line
    if whole.strip():
        yield begun, whole


def _parsed(number: int, line: str) -> Property:
    try:
        name, parameters, value = Contentline(line).parts()
    except ValueError as error:
        raise refused((number, f"Not a content line, NAME:VALUE: {_short(line)!r}.")) from error
    return Property(number, name.upper(), dict(parameters), value)


def _short(text: str) -> str:
    """Faults quote the file, whose lines may be as long as it is."""
    return text if len(text) <= MAX_QUOTED else f"{text[:MAX_QUOTED]}…"
