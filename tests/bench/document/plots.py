"""The plots of a run, each an SVG file by name; what was not measured has none."""

from collections.abc import Callable, Mapping
from typing import Any

from services.router.simulation.report import svg
from services.router.simulation.report.ticks import from_zero
from tests.bench.document.model import Values
from tests.bench.noise_plot import duration, noise_plot
from tests.bench.plot import standalone, tick

_RATES = {
    "Flask + SQLAlchemy": "baseline_http_64_per_s",
    "intake": "intake_64_per_s",
    "django-helpdesk": "helpdesk_per_s",
    "Celery, 3 empty": "celery_chain_per_s",
    "Dramatiq, 3 empty": "dramatiq_chain_per_s",
    "… no confirms": "unconfirmed_chain_per_s",
    "whole way": "pipeline_per_s",
    "embedded": "embedded_pipeline_per_s",
}
_MS = (1.0, 10.0, 100.0, 1000.0, 10_000.0)
_SIZES = ("small", "middle", "large")


def plots(result: Mapping[str, Any]) -> dict[str, str]:
    """Return the files' contents by name, without `bench-` and `.svg`."""
    values = result["figures"]
    drawn = {name: draw(values) for name, draw in _PLOTS.items()}
    return {name: plot for name, plot in drawn.items() if plot}


def _rates(values: Values) -> str:
    found = {label: values[name] for label, name in _RATES.items() if name in values}
    if len(found) < 2:
        return ""
    x = from_zero(max(found.values()), tick, "a second")
    return standalone(svg.dots([svg.Row(name, (rate,)) for name, rate in found.items()], x), ())


def _latency(values: Values) -> str:
    shares = [share for share in (25, 50, 75, 100) if f"at_{share}_webhook_p99_ms" in values]
    lines = [
        svg.Line(
            f"{stage}, {percentile}",
            tuple((share, values[f"at_{share}_{stage}_{percentile}_ms"]) for share in shares),
        )
        for stage in ("assigned", "webhook")
        for percentile in ("p50", "p99")
        if shares
    ]
    x = svg.Axis(0, 100, (0, 25, 50, 75, 100), lambda share: f"{share:g} %", "of the maximum rate")
    return _drawn(lines, x, _log_ms("since created"))


def _growth(values: Values) -> str:
    sizes = [size for size in _SIZES if f"growth_{size}_tickets" in values]
    if len(sizes) < 2:
        return ""
    stored = {size: float(values[f"growth_{size}_tickets"]) for size in sizes}
    lines = [
        svg.Line(label, tuple((stored[size], values[f"growth_{size}_{name}"]) for size in sizes))
        for name, label in (
            ("assigned_p99_ms", "assigned, p99"),
            ("list_p50_ms", "list, p50"),
            ("list_p99_ms", "list, p99"),
        )
    ]
    ticks = tuple(stored.values())
    x = svg.Axis(
        ticks[0], ticks[-1], ticks, lambda size: f"{size:,.0f}", "tickets stored", log=True
    )
    return _drawn(lines, x, _log_ms("milliseconds"))


def _scaling(values: Values) -> str:
    kinds = [kind for kind in ("all", "intake", "router", "notifier") if _of(values, kind, 4)]
    if not kinds or "workers_one_per_s" not in values:
        return ""
    one = values["workers_one_per_s"]
    lines = [
        svg.Line(kind, ((1, one), (2, _of(values, kind, 2)), (4, _of(values, kind, 4))))
        for kind in kinds
    ]
    x = svg.Axis(1, 4, (1, 2, 4), tick, "processes")
    highest = max(up or 0.0 for line in lines for _, up in line.points)
    return _drawn(lines, x, from_zero(highest, tick, "tickets a second"))


def _of(values: Values, kind: str, count: int) -> float | None:
    return values.get(f"workers_{kind}_{count}_per_s")


def _noisy(values: Values) -> str:
    return noise_plot(values["noisy_series"]) if "noisy_series" in values else ""


def _log_ms(title: str) -> svg.Axis:
    return svg.Axis(_MS[0], _MS[-1], _MS, duration, title, log=True)


def _drawn(lines: list[svg.Line], x: svg.Axis, y: svg.Axis) -> str:
    return standalone(svg.lines(lines, x, y), [line.name for line in lines]) if lines else ""


_PLOTS: Mapping[str, Callable[[Values], str]] = {
    "rates": _rates,
    "latency": _latency,
    "growth": _growth,
    "scaling": _scaling,
    "noisy": _noisy,
}
