"""The command."""

import importlib
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, NoReturn

import click
from sqlalchemy.exc import SQLAlchemyError

from services.cli.actor import command_line
from services.cli.database_file import existing_database
from services.cli.verify.contents import missing_contents
from services.cli.verify.report import document, last_lines, mended_line, result_lines
from shared.db.engine import Database
from shared.db.soundness.check import MAX_AGE, TELLING, Result, telling_within
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
from shared.observability.armed import arm_failpoints
from shared.observability.logging import command_logging
from shared.settings import Settings, load_settings
from shared.storage.factory import storage_for

#: What the command ends with.
FOUND, COULD_NOT, INTERRUPTED = 1, 2, 130
#: What the processes of a proof import.
_PARTS = ("services.intake.wsgi", "services.router.bootstrap", "services.notifier.bootstrap")


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
    help="How far back events are held against their deliveries, while those are kept.",
)
@click.option(
    "--chaos", is_flag=True, help="Prove it on a throwaway copy, by traffic and kills, instead."
)
@click.option(
    "--minutes",
    type=click.FloatRange(0.05, 24 * 60),
    default=2.0,
    show_default=True,
    help="With --chaos: for how long.",
)
@click.option("--seed", type=int, help="With --chaos: the same traffic and strikes again.")
@click.option(
    "--history",
    type=click.Path(dir_okay=False, path_type=Path),
    help="With --chaos: a new file for the history.  [in the data folder]",
)
@click.option(
    "--replay",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Judge such a history again; runs nothing.",
)
def verify(
    *,
    repair: bool,
    storage: bool,
    as_json: bool,
    limit: int,
    max_age_s: int,
    told_since_h: int,
    chaos: bool,
    minutes: float,
    seed: int | None,
    history: Path | None,
    replay: Path | None,
) -> None:
    """Check that an installation is sound: that nothing is lost, doubled or left lying.

    Reads the database as of one moment and changes nothing, while services go on. With --repair it
    mends what needs no decision, under the locks that the services take; then it looks again.

    With --chaos it takes a copy of the configuration (teams, agents, rules, profiles …) into a
    database and queues of its own, starts Patchbay on them, kills and freezes its processes under
    traffic, and holds what clients and two webhook receivers saw against the tables. What is live
    is read once and not touched. The history is kept, sealed; --replay judges it again.

    Ends with 0 if all is sound, 1 if something was found, 2 if it could not look.

    \b
    Example: patchbay verify --chaos --minutes 5
    Example: patchbay verify --json | jq '.checks[] | select(.count > 0)'
    """  # noqa: D301 -- \b is for click
    if chaos or replay is not None:
        if repair or storage or (chaos and replay is not None):
            message = "--chaos and --replay go with neither --repair, --storage nor each other."
            raise click.UsageError(message)
        _chaos(replay, minutes=minutes, seed=seed, history=history, as_json=as_json)
    try:
        settings = load_settings()
        retention = timedelta(seconds=settings.delivery_retention_s)
        terms = Terms(
            limit=limit,
            max_age=timedelta(seconds=max_age_s),
            telling=telling_within(timedelta(hours=told_since_h), retention),
        )
        with command_logging(), existing_database(settings) as database:
            arm_failpoints(settings)
            sound = _run(database, settings, terms, repair=repair, storage=storage, as_json=as_json)
    except (PatchbayError, SQLAlchemyError) as error:
        _could_not(str(error), as_json)
    sys.exit(0 if sound else FOUND)


def _chaos(replay: Path | None, *, as_json: bool, **asked: Any) -> NoReturn:
    """Run the proof, or judge one again, and end."""
    # Imported only here: it needs all parts of Patchbay, and an image of one part has `verify` too.
    try:
        chaos = importlib.import_module("services.cli.verify.chaos")
        failure = importlib.import_module("services.chaos.errors").ChaosError
        left = importlib.import_module("services.chaos.leftovers").Leftovers()
        for part in _PARTS:
            importlib.import_module(part)
    except ImportError as error:
        _could_not(f"{error.name} is missing: install patchbay[intake,router,notifier]", as_json)
    try:
        with command_logging():
            if replay is not None:
                sound = chaos.replay(replay, load_settings(), as_json=as_json)
            else:
                asked_for = chaos.Asked(as_json=as_json, **asked)
                sound = chaos.run_chaos(asked_for, load_settings(), left)
    except (failure, PatchbayError, SQLAlchemyError, OSError) as error:
        _warn(left.found)
        _could_not(str(error), as_json)
    except KeyboardInterrupt:
        _warn(left.found)
        deleted = "everything is stopped" + ("" if left.found else " and deleted")
        click.echo(f"Interrupted; {deleted}.", err=True)
        sys.exit(INTERRUPTED)
    _warn(left.found)
    sys.exit(0 if sound else FOUND)


def _warn(leftovers: Sequence[str]) -> None:
    for each in leftovers:
        click.echo(f"Warning: {each}", err=True)


def _could_not(reason: str, as_json: bool) -> NoReturn:  # noqa: FBT001 -- one of two forms
    first = reason.partition("\n")[0]
    if as_json:
        click.echo(json.dumps({"sound": None, "error": first}, ensure_ascii=False))
    else:
        click.echo(f"Could not check: {first}", err=True)
    sys.exit(COULD_NOT)


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
        for each in mended(database, SystemClock(), whole, command_line(), terms):
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
