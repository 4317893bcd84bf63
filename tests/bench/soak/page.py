"""docs/soak.md and its plots, from the result of one soak."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from services.router.simulation.report import svg
from services.router.simulation.report.ticks import from_zero
from tests.bench.document.model import number
from tests.bench.document.render import machine_line, table
from tests.bench.plot import standalone, tick
from tests.bench.soak.steadiness import (
    LEAST_SAMPLES,
    STANDING,
    TOLERANCES,
    Points,
    Sample,
    Verdict,
    judge,
    per_ticket,
)

_UNITS = {
    "memory_mb": "memory, MiB",
    "files": "open files",
    "threads": "threads",
    "database_connections": "connections to the database",
    "broker_connections": "connections to the broker",
    "oldest_s": "oldest row of the list, s",
    "standing_rows": "rows of a table that is not to grow",
    "bytes": "bytes of a table that is not to grow, with its indexes",
    "dead_rows": "dead rows, peak of the second half",
}
#: Lines of a plot, as many as there are processes: more than this nobody tells apart.
_MOST_LINES = 5
#: Tables with fewer dead rows than this are not listed, unless they fail.
_FEW_DEAD = 100

_HEAD = """\
# Soak: does anything grow that should not?

This page is written by a program from one run; to change a text, change `tests/bench/soak/page.py`.

```bash
make soak MINUTES=30                                 # exit status 1 if a curve is not flat
.venv/bin/python -m tests.bench.soak --write-docs    # this page and its plots, from the last run
```

One process each of intake, router and notifier, with a PostgreSQL and a RabbitMQ of their own.
Every ticket is posted, assigned, told to a subscriber, and then resolved and closed by whoever was
assigned, so that as much ends as begins. First as many lives of tickets as go in 64 hands: that is
the maximum. Then half of it. Every five seconds the processes, their connections, the tables and
the lists are looked at. Of the second half of the run, the slope of each curve is taken (Theil and
Sen); what it adds must be within the tolerance. Dead rows come and go, so it is their peak that has
a bound, in runs of ten minutes or more.
"""


def verdicts(result: Mapping[str, Any]) -> list[Verdict]:
    """Return the verdicts of a result; none if it ended too early for any."""
    samples = _samples(result)
    return judge(samples) if len(samples) >= LEAST_SAMPLES else []


def passed(result: Mapping[str, Any]) -> bool:
    """Tell whether it came to its end, nothing is lost and every curve is flat."""
    whole = not (result["lost"] or result.get("failure")) and bool(result["sound"])
    found = verdicts(result)
    return whole and bool(found) and all(verdict.flat for verdict in found)


def render(result: Mapping[str, Any], drawn: Collection[str], images: str) -> str:
    """Return the page; `drawn` are the plots there are, in `images` as seen from the page."""
    found = verdicts(result)
    bad = [verdict.curve for verdict in found if not verdict.flat]
    end = "nothing grows that should not" if not bad else f"**not flat: {', '.join(bad)}**"
    if not found:
        end = "**none: it ended too early**"
    if result.get("failure"):
        end = f"**it failed: {result['failure']}**; until then {end}"
    lost = "; ".join(result["lost"]) or "nothing"
    said = (
        f"{result['tickets']:,} tickets, {result['rate_per_s']:.0f} a second for "
        f"{result['seconds'] / 60:.1f} min (at most {result['maximum_per_s']:.0f} a second). "
        f"Lost: {lost}. `patchbay verify`: {'sound' if result['sound'] else '**not sound**'}. "
        f"Verdict: {end}."
    )
    lines = [
        _HEAD,
        machine_line(result),
        "",
        said,
        "",
        *_sections(found),
        *_growth(_samples(result)),
        *(f"![{_TITLES[name]}]({images}soak-{name}.svg)\n" for name in drawn),
    ]
    return "\n".join(lines).rstrip("\n") + "\n"


def plots(result: Mapping[str, Any]) -> dict[str, str]:
    """Return SVG files by name, without `soak-` and `.svg`."""
    samples = _samples(result)
    return {
        name: _plot(samples, name, title)
        for name, title in _TITLES.items()
        if any(kind in _PLOTTED.get(name, (name,)) for kind in _kinds(samples))
    }


_TITLES = {
    "memory_mb": "Resident memory, MiB",
    "files": "Open files",
    "connections": "Connections, of the whole desk",
    "oldest_s": "Age of the oldest row of a list, seconds",
    "dead_rows": "Dead rows of tables",
    "sizes": "Tables with their indexes, MiB",
}
#: Kinds of curves in one plot, where it is not the one of its name; and what a unit of them is.
_PLOTTED = {"connections": ("database_connections", "broker_connections"), "sizes": ("bytes",)}
_SCALES = {"sizes": 2.0**20}


def _samples(result: Mapping[str, Any]) -> list[Sample]:
    curves = {name: column for name, column in result["curves"].items() if name != "at"}
    return [
        (at, {name: column[n] for name, column in curves.items() if column[n] is not None})
        for n, at in enumerate(result["curves"]["at"])
    ]


def _sections(found: Sequence[Verdict]) -> Iterator[str]:
    for kind, unit in _UNITS.items():
        mine = [each for each in found if each.curve.startswith(f"{kind}/")]
        if not mine:
            continue
        yield f"## {unit[0].upper()}{unit[1:]}"
        yield ""
        yield from (_tolerance(kind), "")
        peaks = kind == "dead_rows"
        head = ("of", "peak") if peaks else ("of", "median", "added")
        yield from table(
            (*head, "allowed", "flat"),
            (
                (
                    each.curve.partition("/")[2],
                    number(each.level),
                    *(() if peaks else (number(each.added),)),
                    number(each.allowed),
                    "yes" if each.flat else "**no**",
                )
                for each in mine
                if not peaks or each.level >= _FEW_DEAD or not each.flat
            ),
        )


def _tolerance(kind: str) -> str:
    if kind == "dead_rows":
        return (
            "Allowed is twice what PostgreSQL lets die before it cleans up (by default 50 rows and "
            "a fifth of the table, 10,000 of busy tables; and what dies in the minute until "
            "autovacuum looks again), or half as much again as in the first half. Tables with "
            f"{_FEW_DEAD} or more are listed."
        )
    tolerance = TOLERANCES[kind]
    share = f"{tolerance.share:.0%} of the median, at least " if tolerance.share else ""
    return f"Allowed in the second half: {share}{number(tolerance.floor)}."


def _growth(samples: Sequence[Sample]) -> Iterator[str]:
    """What grows with the history, and is to: bytes for each ticket, in the second half."""
    tickets = _points(samples, "tickets/made")
    rows = []
    for name in sorted({name for _, values in samples for name in values}):
        kind, _, whose = name.partition("/")
        points = _points(samples, name)
        if kind == "bytes" and whose not in STANDING and len(points) == len(tickets):
            added = per_ticket(points, tickets)
            if added is not None and added >= 1:
                rows.append((whose, f"{points[-1][1] / 2**20:,.1f}", f"{added:,.0f}"))
    if rows:
        yield from ("## What is stored for each ticket", "")
        yield from table(("table with its indexes", "MiB at the end", "bytes a ticket"), rows)


def _points(samples: Sequence[Sample], name: str) -> Points:
    return [(at, values[name]) for at, values in samples if name in values]


def _kinds(samples: Sequence[Sample]) -> set[str]:
    return {name.partition("/")[0] for _, values in samples for name in values}


def _plot(samples: Sequence[Sample], plot: str, title: str) -> str:
    kinds, scale = _PLOTTED.get(plot, (plot,)), _SCALES.get(plot, 1.0)
    every = {name for _, values in samples for name in values}
    names = {name for name in every if name.partition("/")[0] in kinds}
    curves = {name.partition("/")[2]: _points(samples, name) for name in names}
    highest = sorted(curves, key=lambda name: (-max(value for _, value in curves[name]), name))
    lines = [
        svg.Line(name, tuple((at / 60, value / scale) for at, value in curves[name]))
        for name in highest[:_MOST_LINES]
    ]
    x = from_zero(samples[-1][0] / 60, tick, "minutes")
    top = max(value or 0.0 for line in lines for _, value in line.points)
    drawn = svg.lines(lines, x, from_zero(top, tick, title))
    return standalone(drawn, [line.name for line in lines])
