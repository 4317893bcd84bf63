"""What patchbay serve and patchbay intake do: the processes that speak HTTP."""

import os

import click

from services.cli.first_start import KEY_FILE, prepare
from services.cli.workers import require_shared_broker
from services.intake import server
from shared.db.engine import open_database
from shared.db.resealing import require_keys
from shared.db.schema import require_current
from shared.observability import tracing
from shared.observability.logging import configure_logging
from shared.settings import Settings, load_settings


@click.command()
@click.option("--example", is_flag=True, help="Add an example team on the first start.")
def serve(*, example: bool) -> None:
    """Run everything in one process: API, router, notifier.

    On an empty database the first start makes the schema and an admin API key.
    """
    settings = load_settings()
    configure_logging(settings.log_format, settings.log_level, "patchbay")
    tracing.require(settings.tracing)
    prepare(settings, example=example)
    click.echo(_welcome(settings))
    _serve("services.standalone:build", settings, 1, settings.http_threads, shared=False)


def serve_intake(processes: int, threads: int | None, *, share_port: bool) -> None:
    """Run the HTTP API; the command is in `services.cli.intake`."""
    settings = load_settings()
    require_shared_broker(settings)
    configure_logging(settings.log_format, settings.log_level, "intake")
    tracing.require(settings.tracing)
    database = open_database(settings)
    try:
        require_current(database)
        require_keys(database)
    finally:
        database.close()
    threads = threads or settings.http_threads
    # The processes to come read it: how many event streams there may be depends on it.
    os.environ["PATCHBAY_HTTP_THREADS"] = str(threads)
    _serve("services.intake.wsgi:build", settings, processes, threads, shared=share_port)


def _serve(target: str, settings: Settings, processes: int, threads: int, *, shared: bool) -> None:
    try:
        server.serve(target, settings, processes, threads, shared=shared)
    except server.PortTaken as error:
        raise click.ClickException(str(error)) from error


def _welcome(settings: Settings) -> str:
    url = f"http://{settings.host}:{settings.port}"
    key_file = settings.data_dir / KEY_FILE
    shown = f"$(cat {key_file})" if key_file.exists() else "YOUR-API-KEY"
    body = (
        '{"subject": "VPN drops every ten minutes", '
        '"requester": {"name": "Mira", "email": "mira@example.com"}, '
        '"required_skills": [{"skill": "vpn", "level": 2}], "team": "support"}'
    )
    return (
        f"Patchbay listens on {url} (API reference: {url}/docs). Try it:\n\n"
        f'curl -sS -i {url}/v1/tickets -H "Authorization: Bearer {shown}" '
        f"-H 'Content-Type: application/json' -d '{body}'\n"
    )
