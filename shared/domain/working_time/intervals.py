"""Sets of moments as sorted, disjoint intervals, each with its start and without its end."""

from collections.abc import Iterable, Sequence
from datetime import datetime

#: Start and end in UTC; the start belongs to it, the end does not.
Interval = tuple[datetime, datetime]


def merged(intervals: Iterable[Interval]) -> tuple[Interval, ...]:
    """Return the same moments sorted and disjoint; what touches becomes one, empty ones go."""
    result: list[Interval] = []
    for start, end in sorted(intervals):
        if start >= end:
            continue
        if result and start <= result[-1][1]:
            result[-1] = (result[-1][0], max(end, result[-1][1]))
        else:
            result.append((start, end))
    return tuple(result)


def without(intervals: Iterable[Interval], holes: Sequence[Interval]) -> tuple[Interval, ...]:
    """Return what is in `intervals` and not in `holes`; both sorted and disjoint."""
    result: list[Interval] = []
    first = 0
    for begin, end in intervals:
        start = begin
        while first < len(holes) and holes[first][1] <= start:
            first += 1
        for hole_start, hole_end in holes[first:]:
            if hole_start >= end:
                break
            if hole_start > start:
                result.append((start, hole_start))
            start = max(start, hole_end)
        if start < end:
            result.append((start, end))
    return tuple(result)


def within(intervals: Iterable[Interval], start: datetime, end: datetime) -> tuple[Interval, ...]:
    """Return the part of the intervals between two moments."""
    clipped = ((max(begin, start), min(finish, end)) for begin, finish in intervals)
    return tuple(each for each in clipped if each[0] < each[1])
