"""Names of time zones, and local times as moments."""

import difflib
from bisect import bisect_left
from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

#: Files of some systems that are no zones of the IANA database: “where this machine is”, “unset”.
_NO_ZONES = frozenset({"localtime", "Factory"})


@cache
def _names() -> frozenset[str]:
    return frozenset(available_timezones() - _NO_ZONES)


def is_time_zone(name: str) -> bool:
    """Tell whether this is the name of a zone of the IANA database, such as `Europe/Berlin`."""
    return name in _names()


def nearest_time_zone(name: str) -> str | None:
    """Return the zone whose name is most like this one, for an error text; None if none is.

    A city without its region is enough: `berlin` finds `Europe/Berlin`.
    """
    whole = {known.casefold(): known for known in sorted(_names())}
    cities = {known.casefold().rpartition("/")[2]: known for known in sorted(_names())}
    wanted = name.casefold().replace(" ", "_")[:64]
    for names in (whole, cities):
        found = difflib.get_close_matches(wanted, names, n=1, cutoff=0.75)
        if found:
            return names[found[0]]
    return None


def first_moment(local: datetime, zone: ZoneInfo) -> datetime:
    """Return the first moment (UTC) at which clocks in the zone show `local` or a later time.

    `local` is naive. Of a time that comes twice, when clocks are set back, this is the first one;
    a time that is skipped, when clocks are set forward, becomes the end of the gap.
    """
    before = zone.utcoffset(local)
    after = zone.utcoffset(local.replace(fold=1))
    assert before is not None  # noqa: S101 -- a ZoneInfo always has an offset
    assert after is not None  # noqa: S101 -- a ZoneInfo always has an offset
    if after <= before:
        return (local - before).replace(tzinfo=UTC)
    # PEP 495: in a gap, fold=0 counts by the offset before it and fold=1 by the one after. The two
    # readings lie on either side of the change.
    earliest = (local - after).replace(tzinfo=UTC)
    seconds = range(int((after - before).total_seconds()) + 1)

    def changed(second: int) -> bool:
        return (earliest + timedelta(seconds=second)).astimezone(zone).utcoffset() != before

    return earliest + timedelta(seconds=bisect_left(seconds, True, key=changed))
