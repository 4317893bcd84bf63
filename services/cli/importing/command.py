"""The command."""

import sys
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import tee
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import click
import yaml
from rich.console import Console

from services.cli.desk_connection import CallFailed
from services.cli.importing.client import BulkClient
from services.cli.importing.columns import BadMapping, Columns, columns_of
from services.cli.importing.errors import ErrorFile
from services.cli.importing.progress import Shown, shown
from services.cli.importing.slices import Slice, slices
from services.cli.importing.source import BadSource, Record, Source
from shared.domain.bulk import BulkMode, JobState
from shared.domain.ticket import Lane

#: How often a job is asked how far it is, in seconds.
LOOK_EVERY_S = 0.3

LOCAL = "http://127.0.0.1:8080"

_COUNTS = ("created", "known", "refused", "failed")
_OVER = (JobState.COMPLETED.value, JobState.CANCELLED.value)


@click.command("import")
@click.argument("file")
@click.option(
    "--url",
    envvar="PATCHBAY_API_URL",
    default=LOCAL,
    show_default=True,
    help="Where the desk is. [PATCHBAY_API_URL]",
)
@click.option("--key", envvar="PATCHBAY_API_KEY", help="API key. [PATCHBAY_API_KEY]")
@click.option(
    "--mode",
    type=click.Choice([mode.value for mode in BulkMode]),
    default=BulkMode.CREATE.value,
    show_default=True,
    help="create: new tickets. import: with their dates, states and comments; nobody is notified.",
)
@click.option("--lane", type=click.Choice([lane.value for lane in Lane]), default=Lane.BULK.value)
@click.option("--format", "form", type=click.Choice(["auto", "ndjson", "csv"]), default="auto")
@click.option("--encoding", default="utf-8", show_default=True, help="Such as utf-8-sig, cp1251.")
@click.option("--delimiter", help="Of CSV; guessed by the first line if left out.")
@click.option(
    "--map", "maps", multiple=True, metavar="FIELD=COLUMN", help="Which column a field is."
)
@click.option(
    "--mapping",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="YAML file with `columns` (field: column) and `values` (field: {word: our word}).",
)
@click.option("--keep-rest", is_flag=True, help="Keep other columns as custom fields.")
@click.option("--time-zone", default="UTC", show_default=True, help="Of times without a zone.")
@click.option("--dry-run", is_flag=True, help="Check every line and change nothing.")
@click.option("--errors", type=click.Path(dir_okay=False, path_type=Path), help="Where errors go.")
def import_(**options: Any) -> None:
    """Bring tickets in from FILE (or `-`): lines of JSON or CSV, packed by gzip or not.

    Started again after a break it goes on where it was. Exits with 0 if every line made a ticket,
    1 if lines were refused, 2 if the import could not be done.

    \b
    Example:
        patchbay import tickets.ndjson --dry-run
        patchbay import export.csv --map subject=Titel --map requester.email=Kunde
        zcat old.ndjson.gz | patchbay import - --mode import
    """  # noqa: D301 -- \b is for click
    if not options["key"]:
        message = "Give an API key: --key pbk_… or PATCHBAY_API_KEY."
        raise click.UsageError(message)
    try:
        counts, errors = _run(options)
    except (BadSource, BadMapping, CallFailed, OSError, EOFError, zlib.error, LookupError) as error:
        click.echo(str(error), err=True)
        sys.exit(2)
    verb = "would be made" if options["dry_run"] else "made"
    click.echo(
        f"{counts['created']} tickets {verb}, {counts['known']} were there, "
        f"{counts['refused'] + counts['failed']} refused."
    )
    if errors.count:
        click.echo(f"What was refused, and why: {errors.path}", err=True)
    if counts["refused"] + counts["failed"]:
        sys.exit(1)


def _run(options: Mapping[str, Any]) -> tuple[Counter[str], ErrorFile]:
    name = options["file"]
    source = Source(name)
    client = BulkClient(options["url"], options["key"])
    asked = {"mode": options["mode"], "lane": options["lane"]}
    query = urlencode(asked | {"dry_run": str(options["dry_run"]).lower()})
    errors = ErrorFile(options["errors"] or _beside(name))
    counts: Counter[str] = Counter()
    try:
        with (
            shown(Console(stderr=True), source.size) as bar,
            slices(_records(source, options), query) as found,
        ):
            begun = 0
            for each in found:
                _send(client, each, query, counts, errors, bar, (begun, source.position))
                begun = source.position
    finally:
        errors.close()
        source.close()
    return counts, errors


def _send(
    client: BulkClient,
    part: Slice,
    query: str,
    counts: Counter[str],
    errors: ErrorFile,
    bar: Shown,
    stretch: tuple[int, int],
) -> None:
    """Send a slice, follow its job to the end, write down what was refused."""
    before, (begin, end) = sum(counts.values()), stretch
    job = client.send(part.body, part.length, query, part.key)
    while True:
        job = client.job(job["id"])
        done = job["lines_done"] + job["failed"]
        share = done / max(1, job["lines_received"])
        bar.update(before + done, begin + (end - begin) * share)
        if job["state"] in _OVER:
            break
        client.wait(LOOK_EVERY_S)
    counts.update({name: job[name] for name in _COUNTS})
    if job["refused"]:
        first, second = tee(client.refused(job["id"]))
        bodies = part.bodies(result["line"] for result in second)
        for result, body in zip(first, bodies, strict=True):
            errors.write(part.lines[result["line"] - 1], result["problem"], body)
    if job["state"] == JobState.CANCELLED.value:
        raise CallFailed(f"The job {job['id']} was cancelled.")


def _records(source: Source, options: Mapping[str, Any]) -> Iterator[Record]:
    form = options["form"]
    if form == "ndjson" or (form == "auto" and not source.is_csv):
        return source.json_lines(options["encoding"])
    mapping, values = _mapping(options)
    try:
        zone = ZoneInfo(options["time_zone"])
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise BadMapping(f"There is no time zone {options['time_zone']!r}.") from error

    def columns_for(header: list[str]) -> Columns:
        columns = columns_of(header, mapping, values, zone, keep_rest=options["keep_rest"])
        _tell(header, columns)
        return columns

    return source.csv_rows(options["encoding"], options["delimiter"], columns_for)


def _mapping(options: Mapping[str, Any]) -> tuple[dict[str, str], dict[tuple[str, str], str]]:
    given: Any = {}
    if options["mapping"]:
        given = yaml.safe_load(options["mapping"].read_text()) or {}
    if not isinstance(given, dict) or set(given) - {"columns", "values"}:
        raise BadMapping(f"{options['mapping']} must have `columns` and `values`, nothing else.")
    mapping = {str(field): str(column) for field, column in (given.get("columns") or {}).items()}
    for text in options["maps"]:
        field, equals, column = text.partition("=")
        if not equals:
            raise BadMapping(f"--map {text}: write FIELD=COLUMN.")
        mapping[field.strip()] = column.strip()
    values = {
        (str(field), str(word).lower()): str(ours)
        for field, words in (given.get("values") or {}).items()
        for word, ours in words.items()
    }
    return mapping, values


def _tell(header: list[str], columns: Columns) -> None:
    pairs = zip(header, columns.fields, strict=False)
    known = ", ".join(f"{name} → {field}" for name, field in pairs if field is not None)
    click.echo(f"Columns: {known}", err=True)
    left = [name for name, field in zip(header, columns.fields, strict=False) if field is None]
    if left:
        click.echo(f"Left out: {', '.join(left)} (--keep-rest keeps them).", err=True)


def _beside(name: str) -> Path:
    return Path("import.errors.ndjson" if name == "-" else f"{name}.errors.ndjson")
