"""The report as one HTML file that needs nothing else: styles and plots are inside."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from html import escape
from importlib.resources import files
from typing import Any

from services.router.simulation.durations import readable
from services.router.simulation.report import plots
from services.router.simulation.report.columns import (
    COLUMNS,
    Column,
    above,
    difference,
    percent,
    verdict,
    written,
)
from services.router.simulation.report.svg import legend

#: Colours in `page.css`.
COLOURS = 8


def page(document: Mapping[str, Any]) -> str:
    """Return the page."""
    style = files("services.router.simulation.report").joinpath("page.css").read_text("utf-8")
    profiles = document["profiles"]
    names = legend([profile["name"] for profile in profiles])
    title = escape(document["title"])
    parts = [
        f"<h1>{title}</h1>",
        _facts(document),
        *(f'<p class="note">{escape(note)}</p>' for note in document["notes"]),
        f'<p class="lead">{escape(plots.summary(document))}</p>',
        _plot(
            "Mean wait",
            plots.mean_waits(document),
            "",
            "Whiskers are 95 % intervals over seeds; "
            "the dashed line is the highest floor: no policy waits less.",
        ),
        _results(document),
        _differences(document),
        _floors(document),
        _plot(
            "How long tickets wait",
            plots.waits(profiles),
            names,
            "Share of tickets that somebody began within a time; higher is better.",
        ),
        _plot("SLA met, by arrival", plots.sla_over_time(document), names, ""),
        _plot(
            "How busy agents are",
            plots.utilisation(profiles),
            names,
            "Handling time before the end of arrivals, as a share of time on shift. Work that "
            "outlasts a shift counts, so it may exceed 100 %.",
        ),
        _groups(document),
        _prices(document),
        _provenance(document),
    ]
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{style}{_colours()}</style></head><body><main>{''.join(parts)}</main></body></html>\n"
    )


def _colours() -> str:
    rules = (
        f".line.s{n}{{stroke:var(--c{n % COLOURS})}}"
        f".dot.s{n}{{fill:var(--c{n % COLOURS})}}.swatch.s{n}{{background:var(--c{n % COLOURS})}}"
        for n in range(2 * COLOURS)
    )
    return "".join(rules)


def _facts(document: Mapping[str, Any]) -> str:
    how = document["provenance"]
    text = (
        f"{how['tickets_a_run']:,.0f} tickets a run over {readable(how['horizon_s'])}, "
        f"{how['agents']} agents, {len(how['seeds'])} seeds, handling {how['handling']}"
    )
    return f'<p class="soft">{escape(text)}</p>'


def _plot(title: str, plot: str, names: str, about: str) -> str:
    note = f'<p class="about">{escape(about)}</p>' if about else ""
    return f'<h2>{title}</h2><div class="card">{names}{plot}{note}</div>'


def _table(heading: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table of cells that are HTML already."""
    head = "".join(f"<th>{cell}</th>" for cell in heading)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return (
        f'<div class="card wide"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def _with_margin(text: str) -> str:
    value, sign, margin = text.partition(" ± ")
    return (
        f'{escape(value)}<span class="margin"> ± {escape(margin)}</span>' if sign else escape(text)
    )


def _by_profile(
    document: Mapping[str, Any], cell: Callable[[Column, Mapping[str, Any]], str], *, skip: int
) -> str:
    profiles = document["profiles"][skip:]
    heading = ["", *(escape(profile["name"]) for profile in profiles)]
    rows = [
        [escape(column.heading), *(cell(column, profile) for profile in profiles)]
        for column in COLUMNS
    ]
    return _table(heading, rows)


def _results(document: Mapping[str, Any]) -> str:
    def cell(column: Column, profile: Mapping[str, Any]) -> str:
        return _with_margin(written(column, profile["values"][column.metric]))

    return "<h2>Results</h2>" + _by_profile(document, cell, skip=0)


def _differences(document: Mapping[str, Any]) -> str:
    if len(document["profiles"]) < 2:
        return ""

    def cell(column: Column, profile: Mapping[str, Any]) -> str:
        value = profile["differences"][column.metric]
        text = _with_margin(difference(column, value))
        return f'<span class="{verdict(column, value)}">{text}</span>'

    first = escape(document["profiles"][0]["name"])
    about = (
        '<p class="about">Seed by seed on the same tickets and draws. Coloured where the 95 % '
        "interval excludes zero.</p>"
    )
    return f"<h2>Difference to {first}</h2>" + _by_profile(document, cell, skip=1) + about


def _floors(document: Mapping[str, Any]) -> str:
    profiles = document["profiles"]
    rows = []
    for floor in document["floors"]:
        cells = [
            above(profile["above"].get(floor["name"])) if floor["is_floor"] else "–"
            for profile in profiles
        ]
        rows.append([escape(floor["name"]), readable(floor["mean_wait_s"]["mean"]), *cells])
    about = "".join(
        f'<p class="about"><b>{escape(floor["name"])}</b>: {escape(floor["about"])}</p>'
        for floor in document["floors"]
    )
    silent = "".join(
        f'<p class="about">No {escape(name)} bound: {escape(reason)}.</p>'
        for name, reason in document["without_floor"].items()
    )
    heading = ["bound", "mean wait", *(escape(profile["name"]) for profile in profiles)]
    table = _table(heading, rows) if rows else ""
    return f"<h2>Above what no policy could beat</h2>{table}{about}{silent}"


def _groups(document: Mapping[str, Any]) -> str:
    profiles = document["profiles"]
    first = profiles[0]["groups"]
    names = sorted(first, key=lambda name: -(first[name]["tickets"] or 0.0))
    if len(names) < 2:
        return ""
    heading = ["", "tickets"]
    for profile in profiles:
        heading += [f"{escape(profile['name'])}: wait", "SLA"]
    rows = []
    for name in names:
        row = [escape(name), f"{first[name]['tickets'] or 0:.0f}"]
        for profile in profiles:
            group = profile["groups"].get(name, {})
            wait, sla = group.get("mean_wait_s"), group.get("sla")
            row += ["–" if wait is None else readable(wait), "–" if sla is None else percent(sla)]
        rows.append(row)
    table = _table(heading, rows)
    if len(names) > 12:
        table = f"<details><summary>{len(names)} of them</summary>{table}</details>"
    return f"<h2>By team or class</h2>{table}"


def _prices(document: Mapping[str, Any]) -> str:
    prices = document["skill_prices"]
    if not prices:
        return ""
    rows = [
        [
            f"Teach {escape(price['agent'])} {escape(price['skill'])}",
            f"−{readable(price['mean_wait_saved_s'])}",
        ]
        for price in prices
    ]
    about = (
        '<p class="about">By how much the hindsight bound of the first tickets of the first seed '
        "falls: what could be won at best.</p>"
    )
    return "<h2>Skills worth teaching</h2>" + _table(["", "least mean wait"], rows) + about


def _provenance(document: Mapping[str, Any]) -> str:
    how = document["provenance"]
    versions = ", ".join(f"{name} {value}" for name, value in how["versions"].items())
    seeds = how["seeds"]
    lines = [
        f"<code>{escape(how['command'])}</code>",
        f"Seeds {seeds[0]} to {seeds[-1]}, draws by {how['draws_by']}; {escape(versions)}.",
        f"Written {escape(how['written_at'])}. The SLA counts to {how['sla_counts_to']}.",
        f"Warm-up {readable(how['warm_up_s'])}.",
        "Fairness is Jain's index of how busy agents are: 1 if all are equally so.",
    ]
    return "<h2>How this was made</h2>" + "".join(f'<p class="soft">{line}</p>' for line in lines)
