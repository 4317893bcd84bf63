"""patchbay dead retry and drop."""

import json
import sys
from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import datetime

import click
from sqlalchemy.exc import SQLAlchemyError

from services.cli.actor import command_line
from services.cli.dead.options import COULD_NOT, NOTHING, filters, opened, wanted
from shared.db.dead.lists import DeadList
from shared.db.dead.moving import drop as drop_row
from shared.db.dead.moving import retry as retry_rows
from shared.db.dead.moving import retry_all
from shared.db.dead.reading import Wanted, counts, story
from shared.db.engine import Database
from shared.domain.clock import SystemClock
from shared.domain.errors import PatchbayError, Unavailable


@click.command()
@click.argument("keys", nargs=-1)
@click.option("--all", "every", is_flag=True, help="All that the other options leave.")
@filters
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--json", "as_json", is_flag=True)
def retry(
    keys: tuple[str, ...],
    *,
    every: bool,
    names: tuple[str, ...],
    since: datetime | None,
    error: str | None,
    unknown: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Try rows again, with all their attempts: those of some KEYS, or --all.

    Mend the cause first. A mail whose fate is unknown may go twice. Running workers take the rows
    within a second. Ends with 0 if any was taken up, 1 if there was none.
    """
    if bool(keys) == every:
        message = "Name rows by their keys, or say --all; patchbay dead list shows them."
        raise click.UsageError(message)
    which = wanted(names=names, since=since, error=error, unknown=unknown)
    with opened() as database:
        taken = _all(database, which, yes=yes) if every else _named(database, keys)
    _tell(taken, "Made ready again", as_json=as_json)


def _all(database: Database, which: Wanted, *, yes: bool) -> Counter[str]:
    with database.reading() as connection:
        numbers = counts(connection, which)
    total = sum(numbers.values())
    taken: Counter[str] = Counter()
    if not total:
        return taken
    parts = ", ".join(f"{name} {count}" for name, count in numbers.items() if count)
    if not yes:
        click.confirm(f"Try {total} again ({parts})?", abort=True, err=True)
    for each, count in retry_all(database, which, SystemClock().now(), command_line()):
        taken[each.name.value] += count
    return taken


def _named(database: Database, keys: Sequence[str]) -> Counter[str]:
    by_list: dict[DeadList, list[str]] = defaultdict(list)
    with database.reading() as connection:
        for key in keys:
            found = story(connection, key)
            if found is None:
                click.echo(f"No dead row is called {key}.", err=True)
            else:
                by_list[found.row.list].append(key)
    taken: Counter[str] = Counter()
    for each, mine in by_list.items():
        with database.transaction() as tx:
            now, actor = SystemClock().now(), command_line()
            taken[each.name.value] += retry_rows(tx, each, mine, now, actor)
    return taken


@click.command()
@click.argument("keys", nargs=-1, required=True)
@click.option("--reason", required=True, help="Why; it is kept, and shown by list --dropped.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--json", "as_json", is_flag=True)
def drop(keys: tuple[str, ...], *, reason: str, yes: bool, as_json: bool) -> None:
    """Give rows up for good; there is no way back.

    A new ticket is cancelled and its requester told; a ticket that an agent has stays there. An
    event is told to nobody, a delivery is not sent, lines of a bulk body make no tickets and stay
    failed in their job.

    Ends with 0 if any was dropped, 1 if there was none.
    """
    if not reason.strip():
        message = "Say why, in a few words."
        raise click.BadParameter(message, param_hint="--reason")
    if not yes:
        click.confirm(f"Drop {len(keys)} for good?", abort=True, err=True)
    taken: Counter[str] = Counter()
    failed = False
    with opened() as database:
        for key in keys:
            try:
                name = _drop(database, key, reason.strip())
            except Unavailable:
                raise
            except (PatchbayError, SQLAlchemyError, LookupError, TypeError, ValueError) as error:
                # A row may be dead because it cannot be read; the others are dropped all the same.
                click.echo(f"{key} cannot be dropped: {error!r}", err=True)
                failed = True
                continue
            if name is None:
                click.echo(f"No dead row is called {key}.", err=True)
            else:
                taken[name] += 1
    if failed:
        sys.exit(COULD_NOT)
    _tell(taken, "Dropped", as_json=as_json)


def _drop(database: Database, key: str, reason: str) -> str | None:
    """Drop one row; return the list that it was on, None if there was none."""
    with database.reading() as connection:
        found = story(connection, key)
    if found is None:
        return None
    with database.transaction() as tx:
        now = SystemClock().now()
        was_there = drop_row(tx, found.row.list, key, reason, now, command_line())
    return found.row.list.name.value if was_there else None


def _tell(taken: Counter[str], did: str, *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps({"rows": taken.total(), "lists": dict(taken)}))
    else:
        parts = ", ".join(f"{name} {count}" for name, count in taken.items() if count)
        click.echo(f"{did}: {taken.total()}{f' ({parts})' if parts else ''}.")
    if not taken.total():
        sys.exit(NOTHING)
