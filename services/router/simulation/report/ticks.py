"""Round values for axes."""

import math
from collections.abc import Callable

from services.router.simulation.durations import readable
from services.router.simulation.report.svg import Axis

#: Waits that people think in, in seconds.
_TIMES = (1, 10, 60, 600, 3600, 6 * 3600, 86_400, 7 * 86_400, 30 * 86_400)


def from_zero(high: float, write: Callable[[float], str], title: str) -> Axis:
    """Return a linear axis from 0 to a round value at or above `high`."""
    step = _round_step((high or 1.0) / 5)
    count = math.ceil((high or 1.0) / step - 1e-9)
    return Axis(0.0, count * step, tuple(k * step for k in range(count + 1)), write, title)


def times(high: float, title: str) -> Axis:
    """Return a linear axis of seconds, with ticks that are round in their unit."""
    unit = next((u for u in (86_400.0, 3600.0, 60.0) if high >= 2 * u), 1.0)
    axis = from_zero(high / unit, lambda value: readable(value * unit), title)
    ticks = tuple(tick * unit for tick in axis.ticks)
    return Axis(0.0, axis.high * unit, ticks, readable, title)


def log_times(low: float, high: float, title: str) -> Axis:
    """Return a logarithmic axis of seconds."""
    low, high = max(1e-3, low), max(high, 2 * max(1e-3, low))
    ticks = tuple(float(t) for t in _TIMES if low <= t <= high)
    if len(ticks) < 2:
        ticks = (low, math.sqrt(low * high), high)
    return Axis(low, high, ticks, readable, title, log=True)


def shares(low: float, title: str) -> Axis:
    """Return an axis of shares up to 1, from a tenth at or below `low`."""
    first = max(0, math.floor(low * 10 - 1e-9))
    first = min(first, 9)
    step = 1 if first >= 5 else 2
    ticks = tuple(k / 10 for k in range(10, first - 1, -step))
    return Axis(first / 10, 1.0, ticks, lambda share: f"{share:.0%}", title)


def _round_step(rough: float) -> float:
    size = 10.0 ** math.floor(math.log10(rough))
    return next(factor * size for factor in (1.0, 2.0, 2.5, 5.0, 10.0) if factor * size >= rough)
