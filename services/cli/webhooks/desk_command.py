"""What the commands share: where the desk is, and how answers are shown."""

import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import wraps
from typing import Any, ParamSpec

import click
from rich.console import Console
from rich.table import Table

from services.cli.desk_connection import CallFailed
from services.cli.webhooks.client import DeskClient

LOCAL = "http://127.0.0.1:8080"

P = ParamSpec("P")


def of_desk(view: Callable[..., None]) -> Callable[..., None]:
    """Hand a command the desk as its first argument; a refusal ends it with status 2."""

    @click.option(
        "--url",
        envvar="PATCHBAY_API_URL",
        default=LOCAL,
        show_default=True,
        help="Where the desk is. [PATCHBAY_API_URL]",
    )
    @click.option("--key", envvar="PATCHBAY_API_KEY", help="API key. [PATCHBAY_API_KEY]")
    @click.option("--json", "as_json", is_flag=True, help="Print what the API answers.")
    @wraps(view)
    def with_desk(*, url: str, key: str | None, **options: Any) -> None:
        if not key:
            message = "Give an API key: --key pbk_… or PATCHBAY_API_KEY."
            raise click.UsageError(message)
        try:
            view(DeskClient(url, key), **options)
        except CallFailed as error:
            click.echo(str(error), err=True)
            sys.exit(2)

    return with_desk


def print_json(document: Any) -> None:
    """Print a document."""
    click.echo(json.dumps(document, indent=2, ensure_ascii=False))


def print_fields(document: Mapping[str, Any]) -> None:
    """Print a document as lines of name and value, leaving out what is empty."""
    width = max(len(name) for name in document)
    for name, value in document.items():
        if value not in (None, "", [], {}):
            shown = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            click.echo(f"{name:<{width}}  {shown}")


def print_table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Print rows, aligned in a terminal, by tabs elsewhere."""
    if not sys.stdout.isatty():
        for row in rows:
            click.echo("\t".join("" if cell is None else str(cell) for cell in row))
        return
    table = Table(*columns, box=None)
    for row in rows:
        table.add_row(*("" if cell is None else str(cell) for cell in row))
    Console().print(table)
