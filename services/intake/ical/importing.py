"""Whole files: an iCalendar text becomes holidays or absences, or is refused with every reason."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar
from zoneinfo import ZoneInfo

from services.intake.ical import event as ical_event
from services.intake.ical.content_lines import REFUSED, events_of, refused
from services.intake.ical.event import Event
from services.intake.ical.recurrence import Repetitions
from shared.domain.errors import FieldError, InvalidInput
from shared.domain.working_time import Absence, Holiday

#: What ended longer ago is left out, and what begins later than that ahead.
PAST, AHEAD = timedelta(days=366), timedelta(days=731)
#: Absences or holidays of one file, at the most, and days of one holiday.
MAX_IMPORTED, MAX_HOLIDAY_DAYS = 2000, 62
#: Faults that one answer lists; the search ends with the last of them.
MAX_FAULTS = 10
#: Characters of a name or reason that are kept.
MAX_TEXT = 200

S = TypeVar("S")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ImportedAbsence:
    """An absence and what its event was called."""

    absence: Absence
    reason: str


def read_absences(text: str, zone: ZoneInfo, now: datetime) -> list[ImportedAbsence]:
    """Return the absences of a file, in order of their starts; raises InvalidInput.

    `zone` is for days and for times without a zone. Every event counts that is not cancelled,
    whether its time is shown as free or not.
    """
    found: list[ImportedAbsence] = []
    for event, starts in _repeated(text, now):
        for each in starts:
            start, end = event.moments(each, zone)
            if end > now - PAST and start < now + AHEAD:
                found.append(ImportedAbsence(Absence(start, end), _text(event.summary)))
        if len(found) > MAX_IMPORTED:
            raise refused((event.lines.line, f"More than {MAX_IMPORTED} absences; send fewer."))
    return sorted(found, key=lambda each: (each.absence.start, each.absence.end, each.reason))


def read_holidays(text: str, now: datetime) -> list[Holiday]:
    """Return the holidays of a file by date, each date once; raises InvalidInput.

    Only events of whole days are holidays; names of the same day are joined.
    """
    names: dict[datetime, dict[str, None]] = {}
    today = now.replace(tzinfo=None)
    for event, starts in _repeated(text, now, _whole_days):
        for day in (each + timedelta(days=n) for each in starts for n in range(event.days)):
            if today - PAST < day < today + AHEAD:
                names.setdefault(day, {})[event.summary.strip()] = None
    if len(names) > MAX_IMPORTED:
        raise refused((1, f"{len(names)} days; at most {MAX_IMPORTED} are taken."))
    return [
        Holiday(day.date(), _text(", ".join(name for name in found if name)))
        for day, found in sorted(names.items())
    ]


def _whole_days(event: Event) -> Event:
    if not event.start.whole_day:
        raise event.fault("It has times; a holiday is a whole day, DTSTART;VALUE=DATE:20261225.")
    if event.days > MAX_HOLIDAY_DAYS:
        raise event.fault(f"It has {event.days} days; a holiday has {MAX_HOLIDAY_DAYS} at most.")
    return event


def _repeated(
    text: str, now: datetime, check: Callable[[Event], Event] = lambda event: event
) -> Iterator[tuple[Event, list[datetime]]]:
    """Yield the events that are not cancelled, with the local starts of their repetitions."""
    events = _all_of(lambda lines: check(ical_event.read(lines)), events_of(text))
    replacing: dict[str, list[Event]] = {}
    for event in events:
        if event.replaces is not None and event.uid:
            replacing.setdefault(event.uid, []).append(event)
    repetitions = Repetitions(now + AHEAD)

    def repeat(event: Event) -> tuple[Event, list[datetime]]:
        others = () if event.replaces is not None else replacing.get(event.uid or "", ())
        gone = frozenset(o.replaces.seen_from(event.start) for o in others if o.replaces)
        return event, repetitions.starts(event, gone)

    yield from _all_of(repeat, (event for event in events if not event.cancelled))


def _all_of(do: Callable[[S], T], things: Iterable[S]) -> list[T]:
    """Do something with each; raises one InvalidInput with the first faults of all of them."""
    done: list[T] = []
    faults: list[FieldError] = []
    for each in things:
        try:
            done.append(do(each))
        except InvalidInput as error:
            faults.extend(error.errors)
            if len(faults) >= MAX_FAULTS:
                break
    if faults:
        raise InvalidInput(REFUSED, faults)
    return done


def _text(name: str) -> str:
    return name.replace("\x00", "").strip()[:MAX_TEXT]
