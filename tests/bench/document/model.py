"""What a section of the document is made of. Names are those of the figures of a run."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Aim:
    """A bound that a figure shall keep."""

    bound: float
    at_least: bool

    def kept(self, value: float) -> bool:
        """Tell whether a value keeps it."""
        return value >= self.bound if self.at_least else value < self.bound

    def __str__(self) -> str:
        return f"{'≥' if self.at_least else '<'} {number(self.bound)}"


@dataclass(frozen=True, slots=True)
class Figure:
    """One number: its name in the run, what it is (with its unit), and its aim."""

    name: str
    title: str
    aim: Aim | None = None


@dataclass(frozen=True, slots=True)
class Matrix:
    """A table whose cells are figures: `{row}` in a column's name is the name of the row."""

    head: str
    rows: Mapping[str, str]
    columns: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Section:
    """Figures that belong together: what is measured, and what limits it."""

    title: str
    #: What `--only` names.
    part: str
    measured: str
    figures: tuple[Figure, ...]
    limits: str = ""
    matrix: Matrix | None = None
    #: Figures with a value for each process, and what the value is.
    by_process: tuple[Figure, ...] = ()
    #: Lists of rates, one for each tenth of the work.
    by_tenth: tuple[Figure, ...] = ()
    #: Reasons, as texts, why something was not measured.
    reasons: tuple[str, ...] = ()
    #: Name of the plot, without `bench-` and `.svg`.
    plot: str = ""


Values = Mapping[str, Any]


def number(value: float) -> str:
    """Return a number as people read it; an int is a count."""
    if isinstance(value, int) or (value == int(value) and abs(value) >= 10):
        return f"{value:,.0f}"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:,.2f}"


def at_least(bound: float) -> Aim:
    """Return the aim of a rate or a ratio."""
    return Aim(bound, at_least=True)


def below(bound: float) -> Aim:
    """Return the aim of a time."""
    return Aim(bound, at_least=False)
