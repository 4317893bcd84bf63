"""What the tables show of each profile, and how numbers are written."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from services.router.simulation.durations import readable


@dataclass(frozen=True, slots=True)
class Column:
    """A measure: its heading, how it is written, and whether more is better."""

    metric: str
    heading: str
    write: Callable[[float], str]
    more_is_better: bool | None = False


def percent(share: float) -> str:
    """Return a share as per cent."""
    return f"{share:.1%}"


def count(value: float) -> str:
    """Return a number of a few digits."""
    return f"{value:.3g}"


COLUMNS = (
    Column("mean_wait_s", "mean wait", readable),
    Column("p50_wait_s", "p50", readable),
    Column("p90_wait_s", "p90", readable),
    Column("p95_wait_s", "p95", readable),
    Column("p99_wait_s", "p99", readable),
    Column("mean_system_s", "in system", readable),
    Column("sla", "SLA met", percent, more_is_better=True),
    Column("reassignments", "reassigned / ticket", count),
    Column("utilisation", "busy", percent, more_is_better=None),
    Column("fairness", "fairness (Jain)", count, more_is_better=True),
    Column("unserved", "never served", count),
)


def written(column: Column, value: Mapping[str, Any], *, margin: bool = True) -> str:
    """Return `mean ± half`."""
    if value["mean"] is None:
        return "–"
    text = column.write(value["mean"])
    if margin and value["half"] is not None and value["half"] > 0:
        text += f" ± {column.write(value['half'])}"
    return text


def difference(column: Column, value: Mapping[str, Any]) -> str:
    """Return a signed difference with its margin."""
    if value["mean"] is None:
        return "–"
    sign = "−" if value["mean"] < 0 else "+"
    text = f"{sign}{column.write(abs(value['mean']))}"
    if value["half"] is not None:
        text += f" ± {column.write(value['half'])}"
    return text


def verdict(column: Column, value: Mapping[str, Any]) -> str:
    """Return `better`, `worse` or nothing if chance may have done it."""
    if not value["clear"] or not value["mean"] or column.more_is_better is None:
        return ""
    return "better" if (value["mean"] > 0) is column.more_is_better else "worse"


def above(share: float | None) -> str:
    """Return by how much something is above a floor.

    Both are means over seeds, so chance may put one below what nothing is below in the long run.
    """
    if share is None:
        return "–"
    if share < 0:
        return f"{share:+.1%} by chance"
    return f"{share:+.1%}" if share < 10 else f"{1 + share:.0f} ×"


def above_highest(share: float) -> str:
    """Return the same for the highest floor, in words."""
    if share < 0:
        return "at the highest floor: below its estimate, by chance"
    return f"{share:.0%} above the highest floor"
