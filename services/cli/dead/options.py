"""What the commands share: which rows are meant, how the database is opened, how errors end."""

import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import click
from sqlalchemy.exc import SQLAlchemyError

from services.cli.database_file import existing_database
from shared.db.dead.lists import LISTS
from shared.db.dead.reading import Wanted
from shared.db.engine import Database
from shared.domain.clock import SystemClock
from shared.domain.errors import PatchbayError
from shared.observability.logging import command_logging
from shared.settings import load_settings

#: What a command ends with that found nothing to do, and one that could not do it.
NOTHING, COULD_NOT = 1, 2

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}

Command = TypeVar("Command", bound=Callable[..., Any])


class Since(click.ParamType[datetime]):
    """A moment of RFC 3339, or a span back from now, as 90m or 2d."""

    name = "time"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        """Return the moment, or fail with the way out."""
        span = re.fullmatch(r"(\d{1,6})([smhd])", str(value))
        if span:
            length = timedelta(seconds=int(span[1]) * _UNITS[span[2]])
            return SystemClock().now() - length
        try:
            moment = datetime.fromisoformat(str(value))
        except ValueError:
            self.fail(f"{value!r} is no time; write 2026-03-01T10:00:00Z, 90m or 2d", param, ctx)
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def filters(command: Command) -> Command:
    """Give a command the options that say which rows."""
    for option in (
        click.option("--unknown", is_flag=True, help="Mails whose fate nobody can tell, instead."),
        click.option("--error", metavar="TEXT", help="Only with this in their error."),
        click.option("--since", type=Since(), help="Only dead since then: RFC 3339, 90m or 2d."),
        click.option(
            "--list",
            "names",
            multiple=True,
            type=click.Choice([each.name.value for each in LISTS]),
            help="Only of this list; may be given several times.",
        ),
    ):
        command = option(command)
    return command


def wanted(
    *, names: tuple[str, ...], since: datetime | None, error: str | None, unknown: bool
) -> Wanted:
    """Return which rows the options mean."""
    lists = tuple(each for each in LISTS if not names or each.name.value in names)
    return Wanted(lists, since, error, unknown)


@contextmanager
def opened() -> Iterator[Database]:
    """Open the database of the settings; what cannot be done ends with one line and status 2."""
    settings = load_settings()
    try:
        with command_logging(), existing_database(settings) as database:
            yield database
    except (PatchbayError, SQLAlchemyError) as error:
        click.echo(str(error).partition("\n")[0], err=True)
        sys.exit(COULD_NOT)
