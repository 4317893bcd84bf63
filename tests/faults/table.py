"""The table of a run of the fault suite, in `var/faults`: what was done, and what it cost.

Tests give their rows to pytest, so that those of parallel workers come together in one file.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from services.chaos.table import Row, markdown, merge
from shared.failpoints import POINTS

FOLDER = Path(__file__).parents[2] / "var" / "faults"
MARK = "faults.row"
POINTS_MARK = "faults.points"


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
    lines = [*markdown(merged)]
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
