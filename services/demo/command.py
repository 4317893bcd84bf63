"""patchbay demo: real incidents through the whole pipeline."""

import asyncio
import shutil
import signal
import sys
import tempfile
from pathlib import Path

import click
import orjson
from rich.console import Console

from services.demo.errors import DemoError
from services.demo.host import Place, place
from services.demo.report import table
from services.demo.run import Options, run
from services.demo.summary import Summary

EXIT_LOST = 1
EXIT_INTERRUPTED = 130


@click.command()
@click.option(
    "--tickets", type=click.IntRange(1), default=500, show_default=True, help="Incidents to replay."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object and nothing else.")
@click.option("--database-url", help="Run on this database, which must be empty. [own SQLite file]")
@click.option("--broker-url", help="Run on this broker; needs --database-url. [memory://]")
@click.option(
    "--seed", type=int, default=1, show_default=True, help="Chooses incidents and breaks."
)
@click.option(
    "--speed",
    type=click.FloatRange(0, min_open=True),
    default=1.0,
    show_default=True,
    help="1 posts 50 tickets a second; 2 is twice as fast, in everything.",
)
@click.option("--keep", is_flag=True, help="Leave the database, the mail and the log behind.")
def demo(
    *,
    tickets: int,
    as_json: bool,
    database_url: str | None,
    broker_url: str | None,
    seed: int,
    speed: float,
    keep: bool,
) -> None:
    """Send real incidents through Patchbay and show what becomes of them.

    Starts Patchbay on a free port, builds the desk that a log of real incidents speaks of, posts
    the incidents, plays the agents, receives the webhooks, and then compares what was promised with
    what is in the database. Exits with 1 if anything is lost.

    Example: patchbay demo --tickets 2000
    """
    if broker_url and not database_url:
        message = "--broker-url needs --database-url: the demo's own database is one file."
        raise click.UsageError(message)
    progress = Console(stderr=True)
    folder = Path(tempfile.mkdtemp(prefix="patchbay-demo-"))
    where = place(folder, database_url, broker_url)
    try:
        summary = _run(Options(tickets, seed, speed), where, progress)
        keep = keep or bool(summary.lost)
    finally:
        if keep:
            progress.print(f"Left behind: {folder}", soft_wrap=True)
        else:
            shutil.rmtree(folder, ignore_errors=True)
    if as_json:
        click.echo(orjson.dumps(summary.document()).decode())
    else:
        Console().print(table(summary))
    if summary.lost:
        for finding in summary.findings:
            click.echo(f"{finding.count} {finding.what}", err=True)
        sys.exit(EXIT_LOST)


def _run(options: Options, where: Place, progress: Console) -> Summary:
    """Run to the end; Ctrl-C and SIGTERM end it early, with everything stopped."""

    async def main() -> Summary:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 -- inside a coroutine there is one
        # A terminal that is closed must not leave Patchbay behind either.
        for ending in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(ending, task.cancel)
        return await run(options, where, progress)

    try:
        return asyncio.run(main())
    except DemoError as error:
        raise click.ClickException(str(error)) from error
    except asyncio.CancelledError:
        click.echo("Interrupted; everything is stopped.", err=True)
        sys.exit(EXIT_INTERRUPTED)
