"""Weekly working hours laid out as intervals of seconds."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from services.router.simulation.desk import Interval
from services.router.simulation.scenario_schema import DAYS

DAY_S = 86_400.0


def lay_out(
    shifts: Iterable[Mapping[str, Any]], start: datetime, until_s: float
) -> tuple[Interval, ...]:
    """Return the intervals that reach into [0, until_s), in seconds since `start`, merged."""
    midnight = start.replace(hour=0, minute=0, second=0, microsecond=0)
    offset = (midnight - start).total_seconds() - DAY_S
    found = []
    for number in range(int((until_s - offset) / DAY_S) + 2):
        day = DAYS[(midnight + timedelta(days=number - 1)).weekday()]
        for shift in shifts:
            if day in shift["days"]:
                begin, end = _second(shift["start"]), _second(shift["end"])
                end += DAY_S if end <= begin else 0.0
                found.append((offset + number * DAY_S + begin, offset + number * DAY_S + end))
    inside = ((max(0.0, begin), end) for begin, end in found if end > 0 and begin < until_s)
    return merged(inside)


def merged(intervals: Iterable[Interval]) -> tuple[Interval, ...]:
    """Return the intervals in order, those that touch joined."""
    result: list[Interval] = []
    for begin, end in sorted(intervals):
        if result and begin <= result[-1][1]:
            result[-1] = result[-1][0], max(end, result[-1][1])
        else:
            result.append((begin, end))
    return tuple(result)


def _second(clock: str) -> float:
    hours, minutes = clock.split(":")
    return int(hours) * 3600.0 + int(minutes) * 60.0
