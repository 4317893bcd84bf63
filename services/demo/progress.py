"""Progress on stderr: four bars that run after each other, as the tickets do."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from services.demo.ledger import Ledger

REFRESH_S = 0.1


@asynccontextmanager
async def shown(console: Console, ledger: Ledger, tickets: int) -> AsyncIterator[None]:
    """Show the ledger's counts while the block runs; nothing unless a person is looking."""
    columns = (TextColumn("{task.description:>9}"), BarColumn(), MofNCompleteColumn())
    bars = Progress(*columns, TimeElapsedColumn(), console=console, disable=not console.is_terminal)
    counts: dict[str, Callable[[], int]] = {
        "posted": lambda: len(ledger.accepted),
        "assigned": lambda: len(ledger.assigned),
        "resolved": lambda: len(ledger.resolved),
    }
    with bars:
        tasks = {bars.add_task(name, total=tickets): count for name, count in counts.items()}
        # How many events there will be nobody knows; each ticket is told of three times or more.
        delivered = bars.add_task("delivered", total=3 * tickets)

        def refresh() -> None:
            for task, count in tasks.items():
                bars.update(task, completed=count())
            events = len(ledger.events)
            bars.update(delivered, completed=events, total=max(3 * tickets, events))

        ticking = asyncio.create_task(_tick(refresh))
        try:
            yield
        finally:
            ticking.cancel()
            with suppress(asyncio.CancelledError):
                await ticking
            refresh()


async def _tick(refresh: Callable[[], None]) -> None:
    while True:
        refresh()
        await asyncio.sleep(REFRESH_S)
