"""How far an import is: lines, rate and the time that is left, while a person is looking."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text


class _Rate(ProgressColumn):
    """Lines a second since the beginning."""

    def render(self, task: Task) -> Text:
        lines, elapsed = task.fields["lines"], task.elapsed or 0.0
        return Text(f"{lines / elapsed:,.0f}/s" if elapsed >= 1 else "")


class Shown:
    """The bar: its length is the file's in bytes, because nobody knows its lines yet."""

    def __init__(self, progress: Progress, task: TaskID, total: int | None) -> None:
        self._progress, self._task, self._total = progress, task, total

    def update(self, lines: int, position: float) -> None:
        """Show how many lines are done, and to which byte of the file that is."""
        completed = position if self._total else None
        self._progress.update(self._task, completed=completed, lines=lines)


@contextmanager
def shown(console: Console, size: int | None) -> Iterator[Shown]:
    """Show progress while the block runs; nothing unless a person is looking."""
    bar = Progress(
        TextColumn("{task.fields[lines]:,} lines"),
        BarColumn(),
        _Rate(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
    )
    with bar:
        yield Shown(bar, bar.add_task("", total=size, lines=0), size)
