"""A thing and its baseline by turns: the machine may be faster while one of them runs."""

from collections.abc import Sequence
from statistics import median
from typing import Any

from tests.bench.desk import Figures

TURNS = 3


def medians(found: Sequence[Figures], spread: Sequence[str] = ()) -> Figures:
    """Return the median of each figure; of a figure with a value for each process, of each value.

    Of the names in `spread` the least and the most are returned, too.
    """
    figures = {name: _median([each[name] for each in found]) for name in found[0]}
    for name in spread:
        figures[f"{name}_least"] = min(each[name] for each in found)
        figures[f"{name}_most"] = max(each[name] for each in found)
    return figures


def _median(values: Sequence[Any]) -> Any:
    if isinstance(values[0], dict):
        return {name: median(each[name] for each in values) for name in values[0]}
    return median(values)
