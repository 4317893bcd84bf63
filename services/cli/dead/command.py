"""The command and its parts."""

import click

from services.cli.dead.moving import drop, retry
from services.cli.dead.showing import list_, show


@click.group()
def dead() -> None:
    """Rows that gave up: see why, try them again, or drop them.

    Works on the database of the settings, beside running services.

    \b
    Example:
        patchbay dead list --since 2d
        patchbay dead show dlv_…
        patchbay dead retry --all --list webhook --error timeout
        patchbay dead drop evt_… --reason "the subscriber is gone"
    """  # noqa: D301 -- \b is for click


for each in (list_, show, retry, drop):
    dead.add_command(each)
