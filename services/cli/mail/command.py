"""The command and its parts."""

import click

from services.cli.mail.bounce import bounce
from services.cli.mail.deliveries import list_, replay, show
from services.cli.mail.preview import preview


@click.group()
def mail() -> None:
    """See what mails look like and what became of them, send them again, take in bounces.

    `list`, `show` and `replay` call the API: --url (PATCHBAY_API_URL) and --key (PATCHBAY_API_KEY),
    a key with the scopes deliveries:read and deliveries:write.

    \b
    Example:
        patchbay mail preview all --locale ru
        patchbay mail list --state bounced --since 2026-01-31T00:00:00Z
        patchbay mail show dlv_…
        patchbay mail replay --state failed --dry-run
    """  # noqa: D301 -- \b is for click


for each in (preview, bounce, list_, show, replay):
    mail.add_command(each)
