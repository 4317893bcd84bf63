"""The table of a run of the fault suite, in `var/faults`: what was done, and what it cost.

    nemesis | strikes | accepted | lost | assigned twice | duplicated | at rest after

Tests give their rows to pytest, so that those of parallel workers come together in one file.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from shared.failpoints import POINTS

FOLDER = Path(__file__).parents[2] / "var" / "faults"
MARK = "faults.row"
POINTS_MARK = "faults.points"
HEAD = (
    "nemesis | strikes | accepted | lost | assigned twice | broken otherwise | "
    "webhooks that came twice | at rest after, s"
)


@dataclass(frozen=True, slots=True)
class Row:
    """One nemesis in one test.

    `strikes` is how often it struck. `lost` counts tickets, steps and events; `duplicated` webhooks
    that came again under the same id, which is promised to be possible. `rest_s` is how long after
    the last answer, with the fault mended, nothing was left to do.
    """

    nemesis: str
    strikes: int
    accepted: int
    lost: int
    doubled: int
    broken: int
    duplicated: int
    rest_s: float


def write(seed: str, rows: Iterable[Row], points: Iterable[str], folder: Path = FOLDER) -> str:
    """Write `latest.json` and `latest.md`; return the latter."""
    merged, hit = merge(rows), {*points} & POINTS.keys()
    missed = sorted(POINTS.keys() - hit)
    totals = {
        "strikes": sum(row.strikes for row in merged),
        "lost": sum(row.lost for row in merged),
        "doubled": sum(row.doubled for row in merged),
        "failpoints": len(POINTS),
        "failpoints_struck": len(hit),
        "failpoints_missed": missed,
    }
    share = 100 * len(hit) / len(POINTS)
    lines = [f"| {HEAD} |", "|" + "---|" * len(HEAD.split("|"))]
    lines += [
        f"| {row.nemesis} | {row.strikes} | {row.accepted} | {row.lost} | {row.doubled} | "
        f"{row.broken} | {row.duplicated} | {row.rest_s:.1f} |"
        for row in merged
    ]
    said = (
        f"{totals['strikes']} strikes, lost {totals['lost']}, assigned twice {totals['doubled']}."
    )
    if hit:
        said += f" Failpoints struck: {len(hit)} of {len(POINTS)} ({share:.0f} %)."
    if hit and missed:
        said += f" Not: {', '.join(missed)}."
    lines += ["", said]
    text = "\n".join([f"Seed {seed}.", "", *lines, ""])
    folder.mkdir(parents=True, exist_ok=True)
    document = {"seed": seed, **totals, "rows": [asdict(row) for row in merged]}
    (folder / "latest.json").write_text(json.dumps(document, indent=2) + "\n")
    (folder / "latest.md").write_text(text)
    return text


def merge(rows: Iterable[Row]) -> list[Row]:
    """Add up the rows of each nemesis; of `rest_s` the longest stays."""
    found: dict[str, Row] = {}
    for row in rows:
        known = found.get(row.nemesis)
        found[row.nemesis] = row if known is None else _sum(known, row)
    return list(found.values())


def _sum(one: Row, other: Row) -> Row:
    return Row(
        one.nemesis,
        one.strikes + other.strikes,
        one.accepted + other.accepted,
        one.lost + other.lost,
        one.doubled + other.doubled,
        one.broken + other.broken,
        one.duplicated + other.duplicated,
        max(one.rest_s, other.rest_s),
    )


def told(properties: Iterable[tuple[str, Any]]) -> tuple[list[Row], Sequence[str]]:
    """Return the rows and the points that struck among what a test gave to pytest."""
    rows: list[Row] = []
    points: list[str] = []
    for name, value in properties:
        if name == MARK:
            document: Mapping[str, Any] = json.loads(value)
            rows.append(Row(**document))
        elif name == POINTS_MARK:
            points += value.split()
    return rows, points
