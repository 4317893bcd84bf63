"""The report on a terminal."""

from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from services.router.simulation.durations import readable
from services.router.simulation.report.columns import (
    COLUMNS,
    above,
    difference,
    verdict,
    written,
)

_STYLES = {"better": "green", "worse": "red", "": "dim"}


def rendered(document: Mapping[str, Any]) -> RenderableType:
    """Return what to print."""
    return Group(*_parts(document))


def _parts(document: Mapping[str, Any]) -> Iterator[RenderableType]:
    how = document["provenance"]
    yield Text(
        f"{document['title']}: {how['tickets_a_run']:g} tickets a run, {how['agents']} agents, "
        f"{len(how['seeds'])} seeds",
        style="bold",
    )
    for note in document["notes"]:
        yield Text(note, style="yellow")
    yield _results(document)
    if len(document["profiles"]) > 1:
        yield _differences(document)
    yield _floors(document)
    for name, reason in document["without_floor"].items():
        yield Text(f"No {name} bound: {reason}.", style="dim")
    for price in document["skill_prices"]:
        saved = readable(price["mean_wait_saved_s"])
        yield Text(f"Teach {price['agent']} {price['skill']}: least mean wait −{saved}")


def _results(document: Mapping[str, Any]) -> Table:
    table = Table(title="Results, mean over seeds ± 95 %", title_justify="left")
    table.add_column("")
    for profile in document["profiles"]:
        table.add_column(profile["name"], justify="right")
    for column in COLUMNS:
        cells = [
            written(column, profile["values"][column.metric]) for profile in document["profiles"]
        ]
        table.add_row(column.heading, *cells)
    return table


def _differences(document: Mapping[str, Any]) -> Table:
    first, *others = document["profiles"]
    table = Table(title=f"Difference to {first['name']}, same draws", title_justify="left")
    table.add_column("")
    for profile in others:
        table.add_column(profile["name"], justify="right")
    for column in COLUMNS:
        cells = []
        for profile in others:
            value = profile["differences"][column.metric]
            cells.append(Text(difference(column, value), style=_STYLES[verdict(column, value)]))
        table.add_row(column.heading, *cells)
    return table


def _floors(document: Mapping[str, Any]) -> Table:
    table = Table(title="Mean wait above what no policy beats", title_justify="left")
    table.add_column("bound")
    table.add_column("mean wait", justify="right")
    for profile in document["profiles"]:
        table.add_column(profile["name"], justify="right")
    for floor in document["floors"]:
        cells = [
            above(profile["above"].get(floor["name"])) if floor["is_floor"] else "(anchor)"
            for profile in document["profiles"]
        ]
        table.add_row(floor["name"], readable(floor["mean_wait_s"]["mean"]), *cells)
    return table
