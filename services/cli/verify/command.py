"""The command."""

import json
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import timedelta

import click
from sqlalchemy.exc import SQLAlchemyError

from services.cli.verify.contents import missing_contents
from services.cli.verify.report import document, last_lines, mended_line, result_lines
from shared.db.engine import Database
from shared.db.schema import require_current
from shared.db.soundness.check import MAX_AGE, TELLING, Result
from shared.db.soundness.examination import (
    MAX_FINDINGS,
    Examination,
    Terms,
    examinations,
    mended,
)
from shared.db.soundness.mending import Mended
from shared.domain.clock import SystemClock
from shared.domain.errors import PatchbayError
from shared.observability.logging import command_logging
from shared.settings import Settings, load_settings
from shared.storage.factory import storage_for

#: What the command ends with.
FOUND, COULD_NOT = 1, 2


@click.command()
@click.option("--repair", is_flag=True, help="Mend what can be mended, then look again.")
@click.option("--storage", is_flag=True, help="Look for every attached file in the storage, too.")
@click.option("--json", "as_json", is_flag=True, help="Print one document at the end.")
@click.option(
    "--limit",
    type=click.IntRange(1, 10_000),
    default=MAX_FINDINGS,
    show_default=True,
    help="Findings shown of one check; all are counted.",
)
@click.option(
    "--max-age-s",
    type=click.IntRange(1),
    default=int(MAX_AGE.total_seconds()),
    show_default=True,
    help="For how long a row of a work list may be ready.",
)
@click.option(
    "--told-since-h",
    type=click.IntRange(1),
    default=int(TELLING.total_seconds() // 3600),
    show_default=True,
    help="How far back events are held against their deliveries.",
)
def verify(
    *, repair: bool, storage: bool, as_json: bool, limit: int, max_age_s: int, told_since_h: int
) -> None:
    """Check that an installation is sound: that nothing is lost, doubled or left lying.

    Reads the database as of one moment and changes nothing, while services go on. With --repair it
    mends what needs no decision, under the locks that the services take; then it looks again.

    Ends with 0 if all is sound, 1 if something was found, 2 if it could not look.

    \b
    Example: patchbay verify --json | jq '.checks[] | select(.count > 0)'
    """  # noqa: D301 -- \b is for click
    terms = Terms(
        limit=limit,
        max_age=timedelta(seconds=max_age_s),
        telling=timedelta(hours=told_since_h),
    )
    try:
        settings = load_settings()
        with command_logging(), closing(Database(settings.database_url, 2)) as database:
            require_current(database)
            sound = _run(database, settings, terms, repair=repair, storage=storage, as_json=as_json)
    except (PatchbayError, SQLAlchemyError) as error:
        reason = str(error).partition("\n")[0]
        if as_json:
            click.echo(json.dumps({"sound": None, "error": reason}, ensure_ascii=False))
        else:
            click.echo(f"Could not check: {reason}", err=True)
        sys.exit(COULD_NOT)
    sys.exit(0 if sound else FOUND)


def _run(
    database: Database,
    settings: Settings,
    terms: Terms,
    *,
    repair: bool,
    storage: bool,
    as_json: bool,
) -> bool:
    def tell(line: str) -> None:
        if not as_json:
            click.echo(line)

    whole = _examine(database, settings, terms, tell, storage=storage)
    done: list[Mended] | None = None
    if repair:
        done = []
        for each in mended(database, SystemClock(), whole, terms):
            done.append(each)
            tell(mended_line(each))
        if done:
            tell("Looking again.")
            whole = _examine(database, settings, terms, tell, storage=storage)
    for line in last_lines(whole):
        tell(line)
    if as_json:
        click.echo(json.dumps(document(whole, done), indent=2, ensure_ascii=False))
    return whole.sound


def _examine(
    database: Database,
    settings: Settings,
    terms: Terms,
    tell: Callable[[str], None],
    *,
    storage: bool,
) -> Examination:
    """Run all checks, telling each as it comes."""

    def told(result: Result) -> Result:
        for line in result_lines(result):
            tell(line)
        return result

    whole = None
    for each in examinations(database, SystemClock().now(), terms):
        if isinstance(each, Examination):
            whole = each
        else:
            told(each)
    assert whole is not None  # noqa: S101 -- it is the last that is yielded
    if storage:
        result = told(missing_contents(database, storage_for(settings), terms.limit))
        whole = replace(whole, results=[*whole.results, result])
    return whole
