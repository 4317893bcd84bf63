"""Times in the words of a mail: a date in the reader's language, in their zone."""

from collections.abc import Callable
from datetime import datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date

DEFAULT_ZONE = "UTC"


@lru_cache(maxsize=64)
def clock_words(locale: Locale, zone: str) -> Callable[[str], str]:
    """Return what makes `January 2, 2026, 03:04 UTC` of `2026-01-02T03:04:05Z`."""
    place = zone_of(zone)

    # The text and the page of a mail, and mails of one batch, tell the same few moments.
    @lru_cache(maxsize=64)
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
