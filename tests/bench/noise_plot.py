"""The plot of the noisy-neighbour bench: how old events are when healthy endpoints get them."""

from collections.abc import Mapping, Sequence

from services.router.simulation.report import svg
from services.router.simulation.report.ticks import from_zero
from tests.bench.load import percentile
from tests.bench.plot import standalone

Points = Sequence[tuple[float, float]]

_LABELS = {"quiet": "all healthy", "sick": "10 % hang, 10 % fail"}
#: Seconds that share a point.
_STEP_S = 1.0
_TICKS_MS = (1.0, 10.0, 100.0, 1000.0, 10_000.0, 100_000.0)


def noise_plot(found: Mapping[str, Points]) -> str:
    """Return an SVG file; `found` has seconds since the start and milliseconds, by kind."""
    lines = [
        svg.Line(_LABELS[kind], tuple((at, ms) for at, ms in points))
        for kind, points in found.items()
    ]
    latest = max(at for points in found.values() for at, _ in points)
    x = from_zero(latest, lambda value: f"{value:g}", "seconds since the load began")
    y = svg.Axis(1.0, _TICKS_MS[-1], _TICKS_MS, duration, "p99 of each second", log=True)
    return standalone(svg.lines(lines, x, y), [line.name for line in lines])


def duration(ms: float) -> str:
    """Return milliseconds as people read them."""
    return f"{ms / 1000:g} s" if ms >= 1000 else f"{ms:g} ms"


def p99_by_second(points: Points) -> list[tuple[float, float]]:
    """Return seconds since the start with the 99th percentile of the ages (s) in each, in ms."""
    by_second: dict[int, list[float]] = {}
    for at, age in points:
        by_second.setdefault(int(at / _STEP_S), []).append(age)
    return [
        ((second + 0.5) * _STEP_S, percentile(sorted(ages), 0.99) * 1000)
        for second, ages in sorted(by_second.items())
    ]
