"""`make bench`: measures Patchbay against baselines in the same run and writes a report."""

from pathlib import Path
from typing import Any

import click

from deploy.local.packages import ensure_packages
from shared.observability.logging import configure_logging
from shared.settings import LogFormat
from tests.bench import results
from tests.bench.conditions import in_words, noted
from tests.bench.parts import PARTS, scenarios
from tests.bench.servers import fresh_servers


@click.command()
@click.option("--quick", is_flag=True, help="A tenth of the work, for a look.")
@click.option("--only", type=click.Choice(PARTS), multiple=True, help="Part of the whole.")
@click.option("--add", is_flag=True, help="Keep what the last run has of other parts.")
@click.option("--write-docs", is_flag=True, help="Measure nothing; write docs from the last run.")
@click.option(
    "--result",
    type=click.Path(path_type=Path),
    help="For --write-docs, another run than the last, such as docs/benchmarks.json.",
)
@click.option(
    "--directory",
    type=click.Path(path_type=Path),
    default=Path("var/bench"),
    show_default=True,
    help="Where the report and the servers' data go.",
)
def main(
    *,
    quick: bool,
    only: tuple[str, ...],
    add: bool,
    write_docs: bool,
    result: Path | None,
    directory: Path,
) -> None:
    """Measure, print the page, write latest.json, latest.md and plots."""
    if write_docs:
        _document(result or directory / results.LATEST)
        return
    configure_logging(LogFormat.AUTO, "WARNING", "bench")
    ensure_packages()
    directory.mkdir(parents=True, exist_ok=True)
    kept = results.Results(directory, quick=quick, add=add)
    report = ""
    with fresh_servers(directory / "servers") as servers:
        for each in scenarios(servers, directory, 10 if quick else 1):
            if each.part in (only or PARTS):
                click.echo(f"{each.part}: {each.title} …", err=True)
                notes: list[dict[str, Any]] = []
                with noted(f"{each.part}: {each.title}", notes):
                    figures = each.run()
                click.echo(f"    {in_words(notes[0])}", err=True)
                report = kept.add(notes[0], figures)
    click.echo(report)


def _document(result: Path) -> None:
    try:
        click.echo(f"wrote {results.write_docs(result)}")
    except FileNotFoundError as error:
        raise click.ClickException(f"there is no run: {error.filename}") from error
    except ValueError as error:
        raise click.ClickException(f"{error}; commit it and measure again") from error


if __name__ == "__main__":
    main()
