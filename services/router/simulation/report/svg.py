"""Plots as inline SVG: lines over two axes, rows of values; colours come from the page's CSS."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from html import escape

WIDTH = 720.0
LEFT, RIGHT, TOP, BOTTOM = 56.0, 26.0, 10.0, 40.0


@dataclass(frozen=True, slots=True)
class Axis:
    """A range of values, the ticks in it and how they are written; `log` needs `low` above 0."""

    low: float
    high: float
    ticks: tuple[float, ...]
    write: Callable[[float], str]
    title: str
    log: bool = False

    def share(self, value: float) -> float:
        """Return where a value is, from 0 to 1."""
        if self.log:
            value = max(value, self.low)
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)


@dataclass(frozen=True, slots=True)
class Line:
    """A named line through points; None leaves a gap."""

    name: str
    points: tuple[tuple[float, float | None], ...]


@dataclass(frozen=True, slots=True)
class Row:
    """A label with the values of each series, and half widths of their intervals (or none)."""

    label: str
    values: tuple[float | None, ...]
    halves: tuple[float, ...] = ()


def legend(names: Sequence[str]) -> str:
    """Return the series' names with their colours."""
    keys = (
        f'<span class="key"><i class="swatch s{number}"></i>{escape(name)}</span>'
        for number, name in enumerate(names)
    )
    return f'<p class="legend">{"".join(keys)}</p>'


def lines(found: Sequence[Line], x: Axis, y: Axis, height: float = 300.0) -> str:
    """Return a line chart."""
    bottom = height - BOTTOM
    right = WIDTH - RIGHT

    def place(point: tuple[float, float]) -> str:
        across = LEFT + x.share(point[0]) * (right - LEFT)
        return f"{across:.1f},{bottom - y.share(point[1]) * (bottom - TOP):.1f}"

    parts = [*_grid(x, y, bottom, right)]
    for number, line in enumerate(found):
        for piece in _pieces(line.points):
            points = " ".join(map(place, piece))
            parts.append(f'<polyline class="line s{number}" points="{points}"/>')
    return _framed(parts, height, f"{y.title} by {x.title}: {', '.join(f.name for f in found)}")


def dots(rows: Sequence[Row], x: Axis, marks: Sequence[tuple[str, float]] = ()) -> str:
    """Return a row for each label with a dot, and its interval, for each series.

    `marks` are named vertical lines.
    """
    left = 14.0 + 8.6 * max(len(row.label) for row in rows)
    step = 30.0
    top = 22.0 if marks else TOP
    bottom, right = top + step * len(rows), WIDTH - RIGHT

    def across(value: float) -> float:
        return left + x.share(value) * (right - left)

    parts = []
    for tick in x.ticks:
        at = across(tick)
        parts.append(f'<line class="grid" x1="{at:.1f}" x2="{at:.1f}" y1="{top}" y2="{bottom}"/>')
        parts.append(_text(at, bottom + 16, x.write(tick), "middle"))
    parts.append(_text((left + right) / 2, bottom + 34, x.title, "middle", "title"))
    for name, value in marks:
        at = across(value)
        parts.append(
            f'<line class="mark" x1="{at:.1f}" x2="{at:.1f}" y1="{top - 4}" y2="{bottom}"/>'
        )
        anchor = "start" if at < (left + right) / 2 else "end"
        parts.append(_text(at + (3 if anchor == "start" else -3), top - 8, name, anchor, "note"))
    for number, row in enumerate(rows):
        middle = top + step * (number + 0.5)
        parts.append(f'<line class="grid" x1="{left}" x2="{right}" y1="{middle}" y2="{middle}"/>')
        parts.append(_text(left - 8, middle + 4, row.label, "end", "label"))
        parts += _dots(row, middle, across)
    return _framed(parts, bottom + BOTTOM, x.title)


def _dots(row: Row, middle: float, across: Callable[[float], float]) -> Iterable[str]:
    single = sum(value is not None for value in row.values) == 1
    for series, value in enumerate(row.values):
        if value is None:
            continue
        at = middle if single else middle + 3.2 * (series - (len(row.values) - 1) / 2)
        if row.halves and row.halves[series] > 0:
            half = row.halves[series]
            low, high = across(max(0.0, value - half)), across(value + half)
            yield (
                f'<line class="line s{series}" x1="{low:.1f}" x2="{high:.1f}" '
                f'y1="{at:.1f}" y2="{at:.1f}"/>'
            )
        yield f'<circle class="dot s{series}" cx="{across(value):.1f}" cy="{at:.1f}" r="4.5"/>'


def _grid(x: Axis, y: Axis, bottom: float, right: float) -> Iterable[str]:
    for tick in y.ticks:
        at = bottom - y.share(tick) * (bottom - TOP)
        yield f'<line class="grid" x1="{LEFT}" x2="{right}" y1="{at:.1f}" y2="{at:.1f}"/>'
        yield _text(LEFT - 7, at + 4, y.write(tick), "end")
    for tick in x.ticks:
        at = LEFT + x.share(tick) * (right - LEFT)
        yield f'<line class="tick" x1="{at:.1f}" x2="{at:.1f}" y1="{bottom}" y2="{bottom + 4}"/>'
        yield _text(at, bottom + 17, x.write(tick), "middle")
    yield f'<line class="axis" x1="{LEFT}" x2="{right}" y1="{bottom}" y2="{bottom}"/>'
    yield _text((LEFT + right) / 2, bottom + 35, x.title, "middle", "title")


def _pieces(
    points: Sequence[tuple[float, float | None]],
) -> Iterable[list[tuple[float, float]]]:
    piece: list[tuple[float, float]] = []
    for across, up in points:
        if up is not None:
            piece.append((across, up))
        elif piece:
            yield piece
            piece = []
    if piece:
        yield piece


def _text(x: float, y: float, text: str, anchor: str, kind: str = "number") -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"'
    return f'<text class="{kind}" {place}>{escape(text)}</text>'


def _framed(parts: Iterable[str], height: float, label: str) -> str:
    box = f'viewBox="0 0 {WIDTH:g} {height:g}"'
    return f'<svg {box} role="img" aria-label="{escape(label)}">{"".join(parts)}</svg>'
