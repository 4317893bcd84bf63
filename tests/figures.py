"""Figures of the desk as a test reads them: once, and past the job that paces them."""

from collections.abc import Mapping

from shared.db.figures.reader import FigureReader
from shared.observability.figures import FigureBoard
from shared.runtime import Runtime


def shown(board: FigureBoard) -> dict[str, float]:
    """What a board shows, as Prometheus' text would: `name{label="value"}`."""
    return {
        _series(sample.name, sample.labels): sample.value
        for family in board.collect()
        for sample in family.samples
    }


def read_figures(runtime: Runtime) -> dict[str, float]:
    """Read the figures of a desk now."""
    board = FigureBoard()
    FigureReader(runtime.database, runtime.holder, board)(runtime.clock.now())
    return shown(board)


def _series(name: str, labels: Mapping[str, str]) -> str:
    inside = ",".join(f'{key}="{value}"' for key, value in labels.items())
    return f"{name}{{{inside}}}" if inside else name
