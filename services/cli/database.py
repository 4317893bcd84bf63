"""patchbay migrate."""

import click

from shared.db import schema
from shared.db.engine import Database
from shared.settings import load_settings


@click.command()
def migrate() -> None:
    """Bring the database's schema up to date. Safe to run again, and before every upgrade."""
    database = Database(load_settings().database_url)
    try:
        before, after = schema.migrate(database)
    finally:
        database.close()
    if before == after:
        click.echo(f"The schema is up to date ({after}).")
    else:
        click.echo(f"The schema went from {before or 'nothing'} to {after}.")
