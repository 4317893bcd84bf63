"""Spans of time as tokens of the index: years, months and days, as few as cover the span.

The edges are days in UTC; whoever asks for a part of a day looks at the times themselves besides.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

#: What is earlier or later counts as these years.
FIRST, LAST = date(1970, 1, 1), date(2099, 12, 31)

_DAY = timedelta(days=1)
_BEGIN = datetime.min.replace(tzinfo=UTC)


def tokens_of(moment: datetime) -> list[str]:
    """Return the tokens of a moment."""
    day = _clamped(moment.astimezone(UTC).date())
    return [_year(day), _month(day), _day(day)]


def cover(since: datetime | None, until: datetime | None) -> list[str]:
    """Return tokens of which each moment of [since, until) has one; none for an empty span."""
    if since is not None and until is not None and since >= until:
        return []
    day = FIRST if since is None else _clamped(since.astimezone(UTC).date())
    last = LAST if until is None else _clamped(_last_day(until.astimezone(UTC)))
    return list(_cover(day, last))


def _last_day(until: datetime) -> date:
    """Return the day of the last moment before another."""
    return (until - timedelta(microseconds=1)).date() if until > _BEGIN else date.min


def _cover(day: date, last: date) -> Iterator[str]:
    while day <= last:
        if (day.month, day.day) == (1, 1) and date(day.year, 12, 31) <= last:
            yield _year(day)
            day = date(day.year + 1, 1, 1)
        elif day.day == 1 and (end := _end_of_month(day)) <= last:
            yield _month(day)
            day = end + _DAY
        else:
            yield _day(day)
            day += _DAY


def _end_of_month(day: date) -> date:
    return (day.replace(day=28) + 4 * _DAY).replace(day=1) - _DAY


def _clamped(day: date) -> date:
    return min(max(day, FIRST), LAST)


def _year(day: date) -> str:
    return f"year={day.year}"


def _month(day: date) -> str:
    return f"month={day:%Y-%m}"


def _day(day: date) -> str:
    return f"day={day.isoformat()}"
