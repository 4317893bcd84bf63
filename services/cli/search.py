"""patchbay search: the full-text index."""

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from services.cli.database_file import existing_database
from shared.db.search.indexer import SearchIndexer
from shared.domain.clock import SystemClock
from shared.settings import load_settings


@click.group()
def search() -> None:
    """Look after the full-text index."""


@search.command()
def rebuild() -> None:
    """Make the index anew, while everything runs.

    Only needed after damage or when a release says so; the index follows what happens by itself.
    """
    with existing_database(load_settings()) as database:
        indexed = _rebuild(SearchIndexer(database, SystemClock()))
    click.echo(f"The index has all tickets up to number {indexed}.")


def _rebuild(indexer: SearchIndexer) -> int:
    columns = (TextColumn("tickets"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    number = 0
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task("tickets", total=None)
        for number, last in indexer.rebuild():
            progress.update(task, completed=number, total=last)
    return number
