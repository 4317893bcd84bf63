"""The plots of a report, from its document."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from services.router.simulation.durations import readable
from services.router.simulation.report import ticks
from services.router.simulation.report.columns import above_highest, percent
from services.router.simulation.report.svg import Axis, Line, Row, dots, lines

#: With more agents a row for each would be longer than anybody reads.
MOST_ROWS = 24

Profiles = Sequence[Mapping[str, Any]]


def mean_waits(document: Mapping[str, Any]) -> str:
    """Return each profile's mean wait with its interval, and the bounds as lines."""
    profiles: Profiles = document["profiles"]
    rows = []
    for number, profile in enumerate(profiles):
        value = profile["values"]["mean_wait_s"]
        values = [None] * len(profiles)
        values[number] = value["mean"]
        halves = [value["half"] or 0.0] * len(profiles)
        rows.append(Row(profile["name"], tuple(values), tuple(halves)))
    marks = [
        (floor["name"], floor["mean_wait_s"]["mean"])
        for floor in document["floors"]
        if floor["is_floor"]
    ]
    # Of several floors the highest says most; the others are in the table.
    marks = sorted(marks, key=lambda mark: mark[1])[-1:]
    means = [profile["values"]["mean_wait_s"] for profile in profiles]
    tops = [(m["mean"] or 0.0) + (m["half"] or 0.0) for m in means]
    high = max([*tops, *(value for _, value in marks), 1e-6])
    return dots(rows, ticks.times(high * 1.02, "mean wait"), marks)


def waits(profiles: Profiles) -> str:
    """Return the distribution of waits: which share of tickets started within a time."""
    found, high, low = [], 1.0, 86_400.0
    for profile in profiles:
        quantiles = profile["wait_quantiles"]
        pairs = zip(quantiles["seconds"], quantiles["shares"], strict=True)
        points = [(s, share) for s, share in pairs if s is not None]
        positive = [s for s, _ in points if s > 0]
        if positive:
            high, low = max(high, positive[-1]), min(low, positive[0])
        found.append((profile["name"], points))
    axis = ticks.log_times(max(1.0, low), high, "wait until somebody starts (logarithmic)")
    plotted = []
    for name, points in found:
        at_once = max((share for s, share in points if s <= axis.low), default=0.0)
        inside = [(axis.low, at_once), *((s, share) for s, share in points if s > axis.low)]
        plotted.append(Line(name, tuple(inside)))
    lowest = min(line.points[0][1] or 0.0 for line in plotted)
    return lines(plotted, axis, ticks.shares(lowest, "share of tickets started"))


def sla_over_time(document: Mapping[str, Any]) -> str:
    """Return the share on time by when tickets arrived."""
    how = document["provenance"]
    start, end = how["warm_up_s"], how["horizon_s"]
    plotted, lowest = [], 1.0
    for profile in document["profiles"]:
        values = profile["sla_over_time"]
        step = (end - start) / len(values)
        points = [(start + step * (k + 0.5), value) for k, value in enumerate(values)]
        lowest = min([lowest, *(value for value in values if value is not None)])
        plotted.append(Line(profile["name"], tuple(points)))
    axis = _calendar(datetime.fromisoformat(how["start"]), start, end)
    return lines(plotted, axis, ticks.shares(lowest, "SLA met"), 240.0)


def _calendar(start: datetime, low: float, high: float) -> Axis:
    def write(second: float) -> str:
        moment = start + timedelta(seconds=second)
        return f"{moment:%H:%M}" if high - low <= 2 * 86_400 else f"{moment.day} {moment:%b}"

    marks = tuple(low + (high - low) * k / 6 for k in range(7))
    return Axis(low, high, marks, write, "arrival (UTC)")


def utilisation(profiles: Profiles) -> str:
    """Return how busy the agents are: one by one if they are few, else from the busiest down."""
    agents = list(profiles[0]["utilisation"])
    top = max([v for p in profiles for v in p["utilisation"].values() if v is not None] or [1.0])
    if len(agents) <= MOST_ROWS:
        rows = [Row(agent, tuple(p["utilisation"][agent] for p in profiles)) for agent in agents]
        return dots(
            rows, ticks.from_zero(max(1.0, top), lambda v: f"{v:.0%}", "share of time busy")
        )
    plotted = []
    for profile in profiles:
        values = sorted((v for v in profile["utilisation"].values() if v is not None), reverse=True)
        plotted.append(Line(profile["name"], tuple(enumerate(values, start=1))))
    across = ticks.from_zero(len(agents), lambda v: f"{v:.0f}", "agents, the busiest first")
    return lines(plotted, across, ticks.from_zero(top, lambda v: f"{v:.0%}", "busy"), 260.0)


def summary(document: Mapping[str, Any]) -> str:
    """Return the result in a sentence."""
    profiles = document["profiles"]
    best = min(profiles, key=lambda p: p["values"]["mean_wait_s"]["mean"] or 0.0)
    value = best["values"]
    text = f"Shortest mean wait: {best['name']}, {readable(value['mean_wait_s']['mean'] or 0.0)}"
    text += f", with {percent(value['sla']['mean'] or 0.0)} within the SLA"
    above = [share for share in best["above"].values() if share is not None]
    if above:
        text += f"; {above_highest(min(above))}"
    return text + "."
