"""patchbay plugins: which filters, scorers, matchers and orders are installed, and from where."""

import inspect
import json
import sys
from dataclasses import asdict, dataclass

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from shared.plugins import Installed, PluginKind, installed

#: Columns of a table that goes into a file or a pipe, which has no width.
PIPED_WIDTH = 160


@dataclass(frozen=True, slots=True)
class Listed:
    """A plugin as it is listed; `error` says why it cannot be used."""

    kind: str
    name: str
    distribution: str
    version: str
    summary: str
    error: str | None


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--check", is_flag=True, help="End with status 1 if one cannot be imported.")
def plugins(*, as_json: bool, check: bool) -> None:
    """List filters, scorers, matchers and orders, with the package that brought each.

    A profile names them; docs/routing-plugins.md says how to write one.
    """
    listed = [_look_at(found) for kind in PluginKind for found in installed(kind).values()]
    if as_json:
        click.echo(json.dumps([asdict(plugin) for plugin in listed], indent=2))
    else:
        _console().print(_table(listed))
    if check and any(plugin.error for plugin in listed):
        sys.exit(1)


def _look_at(found: Installed) -> Listed:
    """Import a plugin; whatever goes wrong with one is said of that one."""
    summary, error = "", None
    try:
        summary = (inspect.getdoc(found.entry_point.load()) or "").partition("\n")[0]
    except (Exception, SystemExit) as wrong:  # noqa: BLE001 -- whatever a stranger's code does
        error = f"{type(wrong).__name__}: {wrong}"
    return Listed(found.kind, found.name, found.distribution, found.version, summary, error)


def _table(listed: list[Listed]) -> Table:
    table = Table("kind", "name", "from", "what it does", box=None, pad_edge=False)
    for plugin in listed:
        origin = f"{plugin.distribution} {plugin.version}"
        said = plugin.summary if plugin.error is None else f"cannot be used: {plugin.error}"
        table.add_row(*map(escape, (plugin.kind, plugin.name, origin, said)))
    return table


def _console() -> Console:
    console = Console()
    return console if console.is_terminal else Console(width=PIPED_WIDTH)
