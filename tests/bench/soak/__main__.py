"""`make soak MINUTES=30`: half of the maximum rate for long; ends with 1 if something grows."""

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from deploy.local.packages import ensure_packages
from shared.observability.logging import configure_logging
from shared.settings import LogFormat
from tests.bench.conditions import in_words, machine, noted, versions
from tests.bench.servers import fresh_servers
from tests.bench.soak.page import passed, plots, render
from tests.bench.soak.run import WARM_UP_S, soak

DOCS = Path("docs")
_JSON = "latest.json"


@click.command()
@click.option("--minutes", type=click.FloatRange(0.5), default=30.0, show_default=True)
@click.option("--warm-up-s", type=click.FloatRange(1), default=WARM_UP_S, show_default=True)
@click.option("--write-docs", is_flag=True, help="Measure nothing; write docs from the last run.")
@click.option(
    "--directory",
    type=click.Path(path_type=Path),
    default=Path("var/soak"),
    show_default=True,
    help="Where the report and the servers' data go.",
)
def main(*, minutes: float, warm_up_s: float, write_docs: bool, directory: Path) -> None:
    """Soak, print the page, write latest.json, latest.md and plots."""
    if write_docs:
        try:
            result = json.loads((directory / _JSON).read_text())
        except FileNotFoundError as error:
            raise click.ClickException(f"there is no run: {error.filename}") from error
        _write(result, DOCS / "soak.json", DOCS / "soak.md", "images/")
        click.echo(f"wrote {DOCS / 'soak.md'}")
        return
    configure_logging(LogFormat.AUTO, "WARNING", "soak")
    ensure_packages()
    directory.mkdir(parents=True, exist_ok=True)
    notes: list[dict[str, Any]] = []
    with fresh_servers(directory / "servers") as servers, noted("soak", notes):
        found = soak(servers, minutes * 60, warm_up_s, lambda text: click.echo(text, err=True))
    click.echo(in_words(notes[0]), err=True)
    result = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        "versions": versions(),
        "note": notes[0],
        **found,
    }
    click.echo(_write(result, directory / _JSON, directory / "latest.md", ""))
    sys.exit(0 if passed(result) else 1)


def _write(result: dict[str, Any], data: Path, page: Path, images: str) -> str:
    drawn = plots(result)
    for name, plot in drawn.items():
        (page.parent / images / f"soak-{name}.svg").write_text(plot)
    data.write_text(json.dumps(result, separators=(",", ":")) + "\n")
    text = render(result, drawn, images)
    page.write_text(text)
    return text


if __name__ == "__main__":
    main()
