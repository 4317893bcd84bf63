"""patchbay dead list and show."""

import json
import sys
from datetime import datetime
from typing import Any

import click

from services.cli.dead.options import NOTHING, filters, opened, wanted
from shared.db.dead.reading import DeadRow, counts, dead_rows, dropped, story
from shared.db.engine import Row
from shared.domain.clock import rfc3339

#: Of an error in a list; `show` has all of it.
_MAX_ERROR = 100


def _document(row: DeadRow) -> dict[str, Any]:
    return {
        "list": row.list.name.value,
        "key": row.key,
        "of": row.owner,
        "about": row.about,
        "state": row.state,
        "attempts": row.attempts,
        "error": row.error,
        "died_at": None if row.died_at is None else rfc3339(row.died_at),
    }


@click.command("list")
@filters
@click.option("--limit", type=click.IntRange(1, 100_000), default=50, show_default=True)
@click.option("--dropped", "of_dropped", is_flag=True, help="What was dropped, and why, instead.")
@click.option("--json", "as_json", is_flag=True)
def list_(
    *,
    names: tuple[str, ...],
    since: datetime | None,
    error: str | None,
    unknown: bool,
    limit: int,
    of_dropped: bool,
    as_json: bool,
) -> None:
    """List rows that gave up, of all work lists, those that died last first.

    Ends with 0, also when there are none.
    """
    if of_dropped:
        _list_dropped(limit, as_json=as_json)
        return
    which = wanted(names=names, since=since, error=error, unknown=unknown)
    with opened() as database, database.snapshot() as connection:
        numbers, rows = counts(connection, which), dead_rows(connection, which, limit)
    if as_json:
        document = {
            "counts": {name.value: count for name, count in numbers.items()},
            "items": [_document(row) for row in rows],
        }
        click.echo(json.dumps(document, indent=2, ensure_ascii=False))
        return
    for row in rows:
        error_line = " ".join((row.error or "").split())[:_MAX_ERROR]
        died = "" if row.died_at is None else f"{row.died_at:%Y-%m-%d %H:%M}"
        click.echo(f"{row.list.name:<9}  {row.key}  {died}  x{row.attempts}  {row.about}")
        if error_line:
            click.echo(f"           {error_line}")
    total = sum(numbers.values())
    parts = ", ".join(f"{name} {count}" for name, count in numbers.items() if count)
    click.echo(f"{total} {which.state.value}{f': {parts}' if parts else ''}.")


def _list_dropped(limit: int, *, as_json: bool) -> None:
    with opened() as database, database.reading() as connection:
        rows: list[Row] = dropped(connection, limit)
    if as_json:
        items = [{**row, "dropped_at": rfc3339(row["dropped_at"])} for row in rows]
        click.echo(json.dumps({"items": items}, indent=2, ensure_ascii=False))
        return
    for row in rows:
        click.echo(
            f"{row['dropped_at']:%Y-%m-%d %H:%M}  {row['list']:<9}  {row['key']}  "
            f"{row['about']}: {row['reason']}"
        )


@click.command()
@click.argument("key")
@click.option("--json", "as_json", is_flag=True)
def show(key: str, *, as_json: bool) -> None:
    """Show one row with its whole error and what happened before.

    Ends with 1 if no dead row has this KEY.
    """
    with opened() as database, database.reading() as connection:
        found = story(connection, key)
    if found is None:
        click.echo(f"No dead row is called {key}; patchbay dead list shows them.", err=True)
        sys.exit(NOTHING)
    past = [{"at": rfc3339(each.at), "what": each.what} for each in found.past]
    document = {**_document(found.row), "history": past}
    if as_json:
        click.echo(json.dumps(document, indent=2, ensure_ascii=False))
        return
    for name, value in document.items():
        if name not in ("history", "error"):
            click.echo(f"{name:<8}  {value}")
    click.echo(f"error     {found.row.error or ''}")
    for each in found.past:
        click.echo(f"  {each.at:%Y-%m-%d %H:%M:%S} UTC  {each.what}")
