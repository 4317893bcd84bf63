"""patchbay router."""

from typing import Any

import click

from services.cli.workers import run_worker, worker_options
from services.router import bootstrap

HEALTH_PORT = 9101


@click.command()
@worker_options(HEALTH_PORT)
def router(**options: Any) -> None:
    """Run the router: gives tickets to agents."""
    run_worker("router", bootstrap.build, **options)
