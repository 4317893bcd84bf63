"""The command: every area looked at in its turn, whatever became of the others."""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import click
from sqlalchemy.exc import SQLAlchemyError

from services.cli.database_file import missing_file
from services.cli.doctor import broker, configuration, host, mail, scanner, storage, work
from services.cli.doctor import database as database_area
from services.cli.doctor.finding import Area, Finding, Severity, error
from services.cli.doctor.secrets import censored, secrets_of, shown_settings
from shared.db.engine import Database, open_database
from shared.db.schema import state
from shared.domain.clock import SystemClock
from shared.domain.errors import PatchbayError
from shared.observability.logging import command_logging
from shared.settings import Settings, SettingsError, load_settings

_COLOURS = {
    Severity.OK: "green",
    Severity.NOTE: "cyan",
    Severity.WARNING: "yellow",
    Severity.ERROR: "red",
}
#: Why it matters that an area cannot be reached, and the way out.
_AWAY = {
    Area.DATABASE: (
        "intake answers 503, and no process starts",
        "see that it runs, and that host, user and password of PATCHBAY_DATABASE_URL are right",
    ),
    Area.BROKER: (
        "workers find their work by looking, up to a second later; nothing is lost",
        "see that it runs, and that all parts of PATCHBAY_BROKER_URL are right",
    ),
    Area.STORAGE: (
        "no file can be attached or read",
        "see that PATCHBAY_STORAGE_URL and its keys are right",
    ),
    Area.SCANNER: (
        "files are not scanned, and nobody can download one before it is",
        "see that clamd runs, and listens at PATCHBAY_CLAMD_URL (TCPSocket, LocalSocket); or off",
    ),
    Area.MAIL: (
        "mails rest and are tried again for two days, then they are dead",
        "see that it runs, and that host, user and password of PATCHBAY_EMAIL_URL are right",
    ),
}
_UNREACHED = ("the desk may not work", "mend what is said above first")

Told = Callable[[Area, Finding], None]


@click.command()
@click.option(
    "--only",
    multiple=True,
    type=click.Choice([area.value for area in Area]),
    help="Only this; may be given several times.",
)
@click.option("--settings", "with_settings", is_flag=True, help="Show every setting first.")
@click.option("--json", "as_json", is_flag=True, help="Print one document at the end.")
def doctor(*, only: tuple[str, ...], with_settings: bool, as_json: bool) -> None:
    """Look at everything an installation stands on, and say the way out of what is wrong.

    Run it where the services run, with their environment: it reads the same settings. It changes
    nothing but a file in the storage, which it deletes, and sends no mail. Secrets are not shown.

    Ends with 0 if all is well, 1 with warnings, 2 with errors.
    """
    areas = [Area(name) for name in only] or list(Area)
    found: list[tuple[Area, Finding]] = []
    settings: Settings | None = None
    try:
        settings = load_settings()
    except SettingsError as fault:
        found += [(Area.CONFIGURATION, each) for each in configuration.wrong_settings(fault)]
    hidden = [] if settings is None else secrets_of(settings)
    shown = shown_settings(settings) if settings is not None and (with_settings or as_json) else {}
    if with_settings and not as_json:
        for name, value in shown.items():
            click.echo(f"{name}={value}")
    if settings is not None:
        with command_logging():
            for area, finding in _findings(settings, areas):
                found.append((area, _without(finding, hidden)))
                if not as_json:
                    _print(area, found[-1][1])
    elif not as_json:
        for area, finding in found:
            _print(area, finding)
    if as_json:
        click.echo(json.dumps(_document(found, shown), indent=2, ensure_ascii=False))
    else:
        _print_last(found)
    severities = {finding.severity for _, finding in found}
    sys.exit(2 if Severity.ERROR in severities else 1 if Severity.WARNING in severities else 0)


def _findings(settings: Settings, areas: list[Area]) -> Iterator[tuple[Area, Finding]]:
    """Yield the findings of all areas; one that cannot be looked at is a finding of its own."""
    with closing(open_database(settings, 2)) as database:
        looks: dict[Area, Callable[[], Iterator[Finding]]] = {
            Area.CONFIGURATION: lambda: configuration.examine(settings),
            Area.HOST: lambda: host.examine(settings),
            Area.DATABASE: lambda: database_area.examine(settings, database),
            Area.WORK: lambda: _work(settings, database),
            Area.BROKER: lambda: broker.examine(settings),
            Area.STORAGE: lambda: storage.examine(settings),
            Area.SCANNER: lambda: scanner.examine(settings),
            Area.MAIL: lambda: mail.examine(settings),
        }
        for area in areas:
            try:
                for finding in looks[area]():
                    yield area, finding
            except (PatchbayError, SettingsError, SQLAlchemyError, OSError) as fault:
                # Of a database that is away one finding is enough.
                if area is not Area.WORK or Area.DATABASE not in areas:
                    yield area, _away(area, fault)


def _away(area: Area, fault: Exception) -> Finding:
    cause = fault.__cause__ if isinstance(fault, PatchbayError) else None
    first = str(fault).partition("\n")[0]
    reason = str(getattr(cause, "orig", "") or "").partition("\n")[0]
    what = first if not reason or reason in first else f"{first} ({reason})"
    why, way_out = _AWAY.get(area, _UNREACHED)
    return error(what, why, way_out)


def _work(settings: Settings, database: Database) -> Iterator[Finding]:
    """Yield findings about the work, where there is a schema that holds some."""
    exists = missing_file(settings) is None
    if exists and state(database).fits:
        yield from work.examine(database, SystemClock().now())


def _without(finding: Finding, hidden: list[str]) -> Finding:
    return Finding(
        finding.severity,
        censored(finding.what, hidden),
        censored(finding.why, hidden),
        censored(finding.way_out, hidden),
    )


def _print(area: Area, finding: Finding) -> None:
    mark = click.style(f"{finding.severity.value:<7}", fg=_COLOURS[finding.severity])
    click.echo(f"{mark}  {area.value:<13}  {finding.what}")
    if finding.why:
        click.echo(f"{'':<24}  why:     {finding.why}")
    if finding.way_out:
        click.echo(f"{'':<24}  way out: {finding.way_out}")


def _print_last(found: list[tuple[Area, Finding]]) -> None:
    counted = {
        severity: sum(finding.severity is severity for _, finding in found) for severity in Severity
    }
    click.echo(
        f"Errors: {counted[Severity.ERROR]}, warnings: {counted[Severity.WARNING]}, "
        f"notes: {counted[Severity.NOTE]}."
    )


def _document(found: list[tuple[Area, Finding]], shown: dict[str, str]) -> dict[str, Any]:
    return {
        "findings": [
            {
                "area": area.value,
                "severity": finding.severity.value,
                "what": finding.what,
                "why": finding.why or None,
                "way_out": finding.way_out or None,
            }
            for area, finding in found
        ],
        "settings": shown,
    }
