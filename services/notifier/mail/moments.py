"""Times in the words of a mail: a date in the reader's language, in their zone."""

from collections.abc import Callable
from datetime import datetime
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date

DEFAULT_ZONE = "UTC"


def clock_words(locale: Locale, zone: str) -> Callable[[str], str]:
    """Return what makes `January 2, 2026, 03:04 UTC` of `2026-01-02T03:04:05Z`."""
    place = zone_of(zone)

    def when(moment: str) -> str:
        there = datetime.fromisoformat(moment).astimezone(place)
        name = there.tzname() or DEFAULT_ZONE
        # Zones without letters of their own are called by their distance, as +04.
        shown = f"UTC{name}" if name[:1] in "+-" else name
        return f"{format_date(there, 'long', locale=locale)}, {there:%H:%M} {shown}"

    return when


def zone_of(name: str | None, fallback: str = DEFAULT_ZONE) -> ZoneInfo:
    """Return a zone by its name in the IANA database; a name that is none gives the fallback."""
    try:
        return ZoneInfo(name or fallback)
    except (KeyError, ValueError, OSError):
        return ZoneInfo(fallback)
