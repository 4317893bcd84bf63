"""Weekly hours: when work is done in a week, by the clock on the wall."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from zoneinfo import ZoneInfo

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
DAY_MIN = 24 * 60

_TIME = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]|24:00")


@dataclass(frozen=True, slots=True)
class Span:
    """From `start` to before `end`, in minutes since midnight of the day on which it starts.

    An `end` beyond 1440 is a time of the next day. A span is at most a day long.
    """

    start: int
    end: int

    def __post_init__(self) -> None:
        if not (0 <= self.start < DAY_MIN and self.start < self.end <= self.start + DAY_MIN):
            message = f"{self} does not start within its day, or is not 1 to 1440 minutes long."
            raise ValueError(message)

    def __str__(self) -> str:
        return f"{_text(self.start)}–{_text(self.end)}"


@dataclass(frozen=True, slots=True)
class WeeklyHours:
    """Spans for each weekday, Monday first, by the clocks of a zone of the IANA database."""

    time_zone: str
    days: tuple[tuple[Span, ...], ...]

    def __post_init__(self) -> None:
        if len(self.days) != len(WEEKDAYS):
            message = f"A week has seven days, not {len(self.days)}."
            raise ValueError(message)

    @property
    def zone(self) -> ZoneInfo:
        """The zone; raises ZoneInfoNotFoundError if there is none of this name."""
        return ZoneInfo(self.time_zone)


def minutes(text: str) -> int:
    """Return `HH:MM`, from `00:00` to `24:00`, as minutes since midnight; raises ValueError."""
    if not _TIME.fullmatch(text):
        message = "Not a time of day; write HH:MM, from 00:00 to 23:59, or 24:00 as an end."
        raise ValueError(message)
    return int(text[:2]) * 60 + int(text[3:])


def span(start: str, end: str) -> Span:
    """Return the span between two times; an end before the start is one of the next day.

    Raises ValueError if it starts at 24:00, or ends when it starts.
    """
    first, last = minutes(start), minutes(end)
    if first == DAY_MIN:
        message = "Nothing starts at 24:00; write 00:00 of the next day."
        raise ValueError(message)
    if first == last:
        message = f"It starts and ends at {start}; a whole day is 00:00 to 24:00."
        raise ValueError(message)
    return Span(first, last if first < last else last + DAY_MIN)


def overlaps(days: Sequence[Sequence[Span]]) -> Iterator[tuple[int, int, int, int]]:
    """Yield pairs of spans that overlap as `(day, index, other day, other index)`.

    The first of a pair starts later in the week than the other, which is the one right before it;
    the last span of the week is also held against the first of the next week.
    """
    places = sorted(
        (day * DAY_MIN + each.start, day * DAY_MIN + each.end, day, index)
        for day, spans in enumerate(days)
        for index, each in enumerate(spans)
    )
    for (_, end, day, index), (start, _, later_day, later_index) in pairwise(places):
        if start < end:
            yield later_day, later_index, day, index
    if len(places) > 1 and places[0][0] + len(WEEKDAYS) * DAY_MIN < places[-1][1]:
        yield *places[0][2:], *places[-1][2:]


def _text(minute: int) -> str:
    hours, rest = divmod(minute if minute <= DAY_MIN else minute - DAY_MIN, 60)
    return f"{hours:02}:{rest:02}"
