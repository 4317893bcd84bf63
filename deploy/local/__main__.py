"""The command ``python -m deploy.local``: the private servers of a checkout, by hand."""

from pathlib import Path

import click

from deploy.local.errors import LocalServerError
from deploy.local.packages import ensure_packages
from deploy.local.servers import Servers

EXIT_NOT_RUNNING = 3

directory_option = click.option(
    "--directory",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("var/servers"),
    show_default=True,
    help="Where the servers keep their data.",
)


@click.group()
def main() -> None:
    """Run PostgreSQL and RabbitMQ for this checkout only.

    They listen on free ports of 127.0.0.1. Servers of the machine itself are not touched.

    \b
    Example:
      export $(python -m deploy.local up)
      python -m deploy.local status
      python -m deploy.local down
    """


@main.command()
@directory_option
@click.option("--database", default="patchbay", show_default=True, help="Database to create.")
def up(directory: Path, database: str) -> None:
    """Start what does not run yet and print two lines: the settings that point to it.

    As root on Debian, packages that are missing are installed first.
    """
    servers = Servers(directory)
    try:
        ensure_packages()
        for server in servers:
            found = "is running" if server.running else "starts"
            click.echo(f"{server.name} {found} in {server.directory}", err=True)
        servers.start()
        database_url = servers.postgres.create_database(database)
    except LocalServerError as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"PATCHBAY_DATABASE_URL={database_url}")
    click.echo(f"PATCHBAY_BROKER_URL={servers.rabbitmq.url}")


@main.command()
@directory_option
def down(directory: Path) -> None:
    """Stop these servers; their data stays for the next start."""
    servers = Servers(directory)
    running = [server.name for server in servers if server.running]
    servers.stop()
    click.echo(f"stopped: {', '.join(running) or 'nothing was running'}", err=True)


@main.command()
@directory_option
@click.pass_context
def status(context: click.Context, directory: Path) -> None:
    """Say what runs. Exits with 3 unless both do."""
    servers = list(Servers(directory))
    for server in servers:
        where = f"running, pid {server.pid}, port {server.port}" if server.running else "stopped"
        click.echo(f"{server.name}: {where}")
    if not all(server.running for server in servers):
        context.exit(EXIT_NOT_RUNNING)


if __name__ == "__main__":
    main(prog_name="python -m deploy.local")
