"""The values of one property: moments, days, durations and time zones (RFC 5545 §3.3)."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from icalendar import vDDDTypes, vDuration
from icalendar.timezone.windows_to_olson import WINDOWS_TO_OLSON

from services.intake.ical.content_lines import Property
from shared.domain.working_time import is_time_zone, nearest_time_zone

#: Years that times may lie in. Beyond, arithmetic overflows and time zones are guesses.
YEARS = range(1900, 2200)
#: The longest that one event may last.
MAX_LENGTH = timedelta(days=3660)


class Unreadable(ValueError):
    """A property that cannot be used; the text says why."""


@dataclass(frozen=True, slots=True)
class LocalTime:
    """A time as written: naive, with its zone; None for a floating one. A day is its midnight."""

    at: datetime
    zone: ZoneInfo | None
    whole_day: bool

    def seen_from(self, start: "LocalTime") -> datetime:
        """Return this moment, naive, by the clocks that an event goes by which begins at `start`.

        A day, for an event with times, means its time on that day; many programs write that.
        """
        if self.whole_day and not start.whole_day:
            return datetime.combine(self.at, start.at.time())
        if start.whole_day:
            return datetime.combine(self.at, time())
        if self.zone is None or start.zone is None:
            return self.at
        return self.at.replace(tzinfo=self.zone).astimezone(start.zone).replace(tzinfo=None)


def local_times(found: Property) -> list[LocalTime]:
    """Return the days or times of a property, which may be a list of them; raises Unreadable."""
    named = found.parameters.get("TZID")
    zone = None if named is None else time_zone(named)
    return [_local_time(text.strip(), zone) for text in found.value.split(",")]


def local_time(found: Property) -> LocalTime:
    """Return the one day or time of a property; raises Unreadable."""
    times = local_times(found)
    if len(times) != 1:
        message = f"{found.name} has {len(times)} values, not one."
        raise Unreadable(message)
    return times[0]


def duration(found: Property) -> timedelta:
    """Return a duration such as `PT8H` or `P2D`; raises Unreadable."""
    try:
        length = vDuration.from_ical(found.value)
    except (ValueError, OverflowError) as error:
        message = f"{found.value!r} is not a duration, such as PT8H or P2D."
        raise Unreadable(message) from error
    if not timedelta(0) < length <= MAX_LENGTH:
        message = f"A duration of {found.value!r} is not between 0 and {MAX_LENGTH.days} days."
        raise Unreadable(message)
    return timedelta(seconds=length.total_seconds())


def time_zone(name: str) -> ZoneInfo:
    """Return the zone of a TZID; raises Unreadable.

    Known are the names of the IANA database, also behind a prefix as in
    `/example.org/20260101/Europe/Berlin`, and those of Windows.
    """
    # A name has three words at most, as America/Argentina/Ushuaia has.
    words = WINDOWS_TO_OLSON.get(name, name).strip("/").rsplit("/", 3)[-3:]
    for first in range(len(words)):
        known = "/".join(words[first:])
        if is_time_zone(known):
            return ZoneInfo(known)
    nearest = nearest_time_zone(name)
    way_out = f"did you mean {nearest!r}?" if nearest else "use a name of the IANA database."
    message = f"There is no time zone {name[:64]!r}; {way_out}"
    raise Unreadable(message)


def in_utc(at: datetime, zone: ZoneInfo) -> datetime:
    """Return a naive local time as a moment, as RFC 5545 §3.3.5 wants it.

    The first of two occurrences; a time that is skipped counts by the offset before the gap.
    """
    return at.replace(tzinfo=zone).astimezone(UTC)


def _local_time(text: str, zone: ZoneInfo | None) -> LocalTime:
    try:
        value = vDDDTypes.from_ical(text)
    except (ValueError, OverflowError) as error:
        message = f"{text!r} is not a day or time, such as 20260301 or 20260301T090000Z."
        raise Unreadable(message) from error
    if not isinstance(value, date):
        message = f"{text!r} is not a day or time; periods and durations are not taken here."
        raise Unreadable(message)
    if value.year not in YEARS:
        message = f"The year of {text!r} is not from {YEARS.start} to {YEARS.stop - 1}."
        raise Unreadable(message)
    if not isinstance(value, datetime):
        return LocalTime(datetime.combine(value, time()), zone, whole_day=True)
    if value.tzinfo is not None:
        return LocalTime(value.replace(tzinfo=None), ZoneInfo("UTC"), whole_day=False)
    return LocalTime(value, zone, whole_day=False)
