"""The command ``python -m deploy.local``: the private servers of a checkout, by hand."""

from collections.abc import Mapping
from pathlib import Path

import click

from deploy.local.errors import LocalServerError
from deploy.local.packages import (
    ensure_browser,
    ensure_mail_reader,
    ensure_node,
    ensure_packages,
    ensure_promtool,
)
from deploy.local.servers import Servers
from deploy.local.services import HEALTH_PORTS, Services, patchbay

EXIT_NOT_RUNNING = 3
PORT = click.IntRange(1, 65535)

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
    """  # noqa: D301 -- \b is for click


@main.command()
@directory_option
@click.option("--database", default="patchbay", show_default=True, help="Database to create.")
@click.option("--services", is_flag=True, help="Start Patchbay's own processes as well.")
@click.option(
    "--port",
    type=PORT,
    default=8080,
    show_default=True,
    envvar="PATCHBAY_PORT",
    show_envvar=True,
    help="Of intake, with --services.",
)
@click.option(
    "--health-ports",
    type=(PORT, PORT),
    metavar="ROUTER NOTIFIER",
    default=HEALTH_PORTS,
    show_default=True,
    help="Of router and notifier, with --services.",
)
def up(
    directory: Path, database: str, *, services: bool, port: int, health_ports: tuple[int, int]
) -> None:
    """Start what does not run yet and print the settings that point to it, a line each.

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
        settings = {
            "PATCHBAY_DATABASE_URL": database_url,
            "PATCHBAY_BROKER_URL": servers.rabbitmq.url,
        }
        if services:
            settings |= _beside(directory.resolve() / "data") | {"PATCHBAY_PORT": str(port)}
            _start_services(directory.resolve(), settings, health_ports)
    except LocalServerError as error:
        raise click.ClickException(str(error)) from None
    for name, value in settings.items():
        click.echo(f"{name}={value}")


@main.command()
@directory_option
def down(directory: Path) -> None:
    """Stop these servers and the services beside them; data stays for the next start."""
    running = Services(directory.resolve()).stop()
    servers = Servers(directory)
    running += [server.name for server in servers if server.running]
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


@main.command()
@click.option("--browser", is_flag=True, help="Chromium too, for the tests of the public pages.")
@click.option("--node", is_flag=True, help="Node.js too, for the tests of receivers.")
@click.option("--mail-reader", is_flag=True, help="notmuch too, for the tests of threads of mails.")
@click.option("--promtool", is_flag=True, help="promtool too, for the tests of alert rules.")
def packages(*, browser: bool, node: bool, mail_reader: bool, promtool: bool) -> None:
    """Install PostgreSQL and RabbitMQ where they are missing and this may be done."""
    try:
        ensure_packages()
        if browser:
            ensure_browser()
        if node:
            ensure_node()
        if mail_reader:
            ensure_mail_reader()
        if promtool:
            ensure_promtool()
    except LocalServerError as error:
        raise click.ClickException(str(error)) from None


def _beside(data: Path) -> dict[str, str]:
    """Return where processes keep what is in no server, whatever the environment says."""
    return {
        "PATCHBAY_DATA_DIR": str(data),
        "PATCHBAY_EMAIL_URL": f"file:{data / 'outbox'}",
        "PATCHBAY_STORAGE_URL": f"file:{data / 'attachments'}",
    }


def _start_services(
    directory: Path, settings: Mapping[str, str], health_ports: tuple[int, int]
) -> None:
    """Migrate, make an admin key on the first start, and start intake, router and notifier."""
    services = Services(directory)
    services.require_startable(settings, health_ports)
    data = Path(settings["PATCHBAY_DATA_DIR"])
    data.mkdir(parents=True, exist_ok=True)
    click.echo(patchbay(settings, "migrate").strip(), err=True)
    key = data / "admin.key"
    if not key.exists():
        token = patchbay(settings, "keys", "create", "--name", "admin", "--scope", "*")
        key.touch(mode=0o600)
        key.write_text(token)
    services.start(settings, health_ports)
    url = f"http://127.0.0.1:{settings['PATCHBAY_PORT']}"
    click.echo(f"Patchbay listens on {url}; the API key is in {key}", err=True)


if __name__ == "__main__":
    main(prog_name="python -m deploy.local")
