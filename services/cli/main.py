"""The command's root: what there is, and how errors look (one line, and the way out)."""

import importlib
import keyword
import sys
from importlib.metadata import version

import click

from shared.domain.errors import PatchbayError
from shared.garbage import look_seldom
from shared.settings import SettingsError

#: Where each command is. It is imported when it is called: a process pays, in time, memory and
#: installed packages, only for what it does.
COMMANDS: dict[str, tuple[str, str]] = {
    "serve": ("services.cli.serve", "Run everything in one process: API, router, notifier."),
    "intake": ("services.cli.intake", "Run the HTTP API."),
    "router": ("services.cli.router", "Run the router: gives tickets to agents."),
    "notifier": ("services.cli.notifier", "Run the notifier: sends webhooks and e-mail."),
    "migrate": ("services.cli.database", "Bring the database's schema up to date."),
    "verify": ("services.cli.verify.command", "Check that nothing is lost; mend what can be."),
    "doctor": ("services.cli.doctor.command", "Look for what is wrong, and say the way out."),
    "dead": ("services.cli.dead.command", "See what gave up; try it again or drop it."),
    "keys": ("services.cli.keys", "Make, list, rotate and revoke API keys."),
    "audit": ("services.cli.audit", "See who changed what of the desk itself."),
    "explain": ("services.cli.explain", "Tell why a ticket went where it went."),
    "shadow": ("services.cli.shadow", "Compare shadow and trial profiles with the live ones."),
    "rules": ("services.cli.rules", "Check, apply and show routing rules."),
    "plugins": ("services.cli.plugins", "List what can decide about tickets, and its origin."),
    "mail": ("services.cli.mail.command", "Preview mails, send them again, take in bounces."),
    "search": ("services.cli.search", "Make the full-text index anew."),
    "simulate": ("services.cli.simulate", "Compare routing profiles on a log or a scenario."),
    "import": ("services.cli.importing.command", "Bring tickets in from a file, by the API."),
    "webhooks": ("services.cli.webhooks.command", "Subscribe, see what was sent, probe receivers."),
    "demo": ("services.demo.command", "Carry real incidents through the whole pipeline."),
}


class _Commands(click.Group):
    """A group whose commands are imported on use."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        name = f"{cmd_name}_" if keyword.iskeyword(cmd_name) else cmd_name
        command = getattr(importlib.import_module(COMMANDS[cmd_name][0]), name)
        assert isinstance(command, click.Command)  # noqa: S101 -- COMMANDS is ours
        return command

    def format_commands(
        self,
        ctx: click.Context,
        formatter: click.HelpFormatter,
    ) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, summary) in COMMANDS.items()])


@click.group(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(version("patchbay"), prog_name="patchbay")
def cli() -> None:
    """Patchbay, the open backend of a support desk.

    Settings come from environment variables that begin with PATCHBAY_; .env.example lists them.
    Start everything on this machine:

    \b
        patchbay serve --example
    """  # noqa: D301 -- \b is for click


def main() -> None:
    """Run the command; expected errors end it with status 2 and one line each."""
    look_seldom()
    try:
        cli()
    except SettingsError as error:
        click.echo(f"Settings are wrong:\n{error}", err=True)
        sys.exit(2)
    except PatchbayError as error:
        click.echo(str(error), err=True)
        sys.exit(2)
