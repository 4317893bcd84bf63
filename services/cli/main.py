"""The command's root: what there is, and how errors look (one line, and the way out)."""

import sys
from importlib.metadata import version

import click

from services.cli.database import migrate
from services.cli.keys import keys
from services.cli.serve import intake, serve
from services.cli.workers import notifier, router
from shared.db.schema import SchemaBehind
from shared.domain.errors import PatchbayError
from shared.settings import SettingsError


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(version("patchbay"), prog_name="patchbay")
def cli() -> None:
    """Patchbay, the open backend of a support desk.

    Settings come from environment variables that begin with PATCHBAY_; .env.example lists them.
    Start everything on this machine:

    \b
        patchbay serve --example
    """


for command in (serve, intake, router, notifier, migrate, keys):
    cli.add_command(command)


def main() -> None:
    """Run the command; expected errors end it with status 2 and one line each."""
    try:
        cli()
    except SettingsError as error:
        click.echo(f"Settings are wrong:\n{error}", err=True)
        sys.exit(2)
    except (SchemaBehind, PatchbayError) as error:
        click.echo(str(error), err=True)
        sys.exit(2)
