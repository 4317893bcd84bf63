"""The table of a run: what was done, and what it cost.

nemesis | strikes | accepted | lost | assigned twice | duplicated | at rest after
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

HEAD = (
    "nemesis | strikes | accepted | lost | assigned twice | broken otherwise | "
    "webhooks that came twice | at rest after, s"
)


@dataclass(frozen=True, slots=True)
class Row:
    """One nemesis in one run.

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


def merge(rows: Iterable[Row]) -> list[Row]:
    """Add up the rows of each nemesis; of `rest_s` the longest stays."""
    found: dict[str, Row] = {}
    for row in rows:
        known = found.get(row.nemesis)
        found[row.nemesis] = row if known is None else _sum(known, row)
    return list(found.values())


def markdown(rows: Iterable[Row]) -> Iterator[str]:
    """Yield the lines of the table, in Markdown."""
    yield f"| {HEAD} |"
    yield "|" + "---|" * len(HEAD.split("|"))
    for row in rows:
        yield (
            f"| {row.nemesis} | {row.strikes} | {row.accepted} | {row.lost} | {row.doubled} | "
            f"{row.broken} | {row.duplicated} | {row.rest_s:.1f} |"
        )


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
