"""The plot of the noisy-neighbour bench: how old events are when healthy endpoints get them."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from services.router.simulation.report import svg
from services.router.simulation.report.ticks import from_zero
from tests.bench.load import percentile

_LABELS = {"quiet": "all endpoints healthy", "sick": "10 % hang, 10 % answer 500"}
_COLOURS = ("#2563eb", "#dc2626")
#: Seconds that share a point.
_STEP_S = 1.0
_TICKS_MS = (1.0, 10.0, 100.0, 1000.0, 10_000.0, 100_000.0)

_STYLE = (
    "<style>text{font:12px sans-serif;fill:#374151}.grid{stroke:#e5e7eb}.axis,.tick{stroke:#6b7280}"
    ".line{fill:none;stroke-width:2}"
    + "".join(f".line.s{n}{{stroke:{colour}}}" for n, colour in enumerate(_COLOURS))
    + "</style>"
)


def write_plot(path: Path, found: Mapping[str, Sequence[tuple[float, float]]]) -> None:
    """Write an SVG file; `found` has seconds since the start and ages in seconds, by kind."""
    lines = [svg.Line(_LABELS[kind], _p99(points)) for kind, points in found.items()]
    latest = max(at for points in found.values() for at, _ in points)
    x = from_zero(latest, lambda value: f"{value:g}", "seconds since the load began")
    y = svg.Axis(1.0, _TICKS_MS[-1], _TICKS_MS, _duration, "p99 of each second", log=True)
    plot = svg.lines(lines, x, y)
    keys = "".join(
        f'<rect x="{60 + 240 * n}" y="2" width="12" height="4" fill="{_COLOURS[n]}"/>'
        f'<text x="{78 + 240 * n}" y="9">{line.name}</text>'
        for n, line in enumerate(lines)
    )
    head, _, rest = plot.partition(">")
    namespace = head.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1)
    background = '<rect width="100%" height="100%" fill="#ffffff"/>'
    path.write_text(f"{namespace}>{_STYLE}{background}{keys}{rest}\n")


def _duration(ms: float) -> str:
    return f"{ms / 1000:g} s" if ms >= 1000 else f"{ms:g} ms"


def _p99(points: Sequence[tuple[float, float]]) -> tuple[tuple[float, float | None], ...]:
    by_second: dict[int, list[float]] = {}
    for at, age in points:
        by_second.setdefault(int(at / _STEP_S), []).append(age)
    return tuple(
        ((second + 0.5) * _STEP_S, percentile(sorted(ages), 0.99) * 1000)
        for second, ages in sorted(by_second.items())
    )
