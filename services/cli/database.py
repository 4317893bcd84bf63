"""patchbay migrate."""

import click

from services.cli.database_file import require_file
from shared.db import schema
from shared.db.engine import open_database
from shared.db.migrating import Patience
from shared.settings import load_settings


@click.command()
@click.option(
    "--wait-s",
    type=click.FloatRange(min=0),
    default=Patience.__dataclass_fields__["total_s"].default,
    show_default=True,
    help="How long to wait, in all, for transactions that hold what is to be changed.",
)
@click.option("--check", is_flag=True, help="Change nothing; tell whether this release can run.")
def migrate(*, wait_s: float, check: bool) -> None:
    """Bring the database's schema up to date. Safe to run again, beside running services too.

    Ends with 0, or with 2 and one line: tables could not be had in time, or this release does not
    work on the schema.
    """
    settings = load_settings()
    if check:
        require_file(settings)
    database = open_database(settings)
    try:
        if check:
            schema.require_current(database)
            before = after = schema.current_revision(database)
        else:
            before, after = schema.migrate(database, click.echo, Patience(total_s=wait_s))
    finally:
        database.close()
    if before != after:
        click.echo(f"The schema went from {before or 'nothing'} to {after}.")
    elif after == schema.newest_revision():
        click.echo(f"The schema is up to date ({after}).")
    else:
        click.echo(f"The schema ({after}) is of a later release, and works with this one.")
