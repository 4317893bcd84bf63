"""patchbay notifier."""

from typing import Any

import click

from services.cli.workers import run_worker, worker_options
from services.notifier import bootstrap

HEALTH_PORT = 9102


@click.command()
@worker_options(HEALTH_PORT)
def notifier(**options: Any) -> None:
    """Run the notifier: sends webhooks and e-mail."""
    run_worker("notifier", bootstrap.build, **options)
