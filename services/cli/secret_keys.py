"""patchbay keys new-secret-key and reencrypt: what secrets in the database are sealed with."""

import json
import sys

import click
from sqlalchemy.exc import SQLAlchemyError

from services.cli.actor import command_line
from services.cli.database_file import existing_database
from shared.db.audit import record
from shared.db.engine import Database
from shared.db.lost_secrets import Lost, find_lost, forget_lost, require_usable
from shared.db.resealing import Resealed, reseal
from shared.db.scrubbing import overwriting, scrub
from shared.db.sealed_places import keys_in_use, missing_keys, outdated
from shared.domain.audit import AuditAction
from shared.domain.clock import SystemClock
from shared.domain.errors import PatchbayError
from shared.domain.sealing import new_key
from shared.observability.logging import command_logging
from shared.settings import load_settings

#: What the command ends with when it only looked and found work, and when it could not do it.
OUTDATED, COULD_NOT = 1, 2


@click.command("new-secret-key")
def new_secret_key() -> None:
    """Print a fresh key for PATCHBAY_SECRET_KEYS; it is kept nowhere.

    \b
    Example: install -m 600 <(patchbay keys new-secret-key) /etc/patchbay/secret-keys
    """  # noqa: D301 -- \b is for click
    click.echo(new_key())


@click.command()
@click.option("--check", is_flag=True, help="Count by keys, and change nothing.")
@click.option(
    "--forget-unreadable",
    "forget",
    is_flag=True,
    help="Give up what is sealed by a key that is lost for good.",
)
@click.option("--yes", is_flag=True, help="Ask nothing before that.")
@click.option("--json", "as_json", is_flag=True, help="Print one document at the end.")
def reencrypt(*, check: bool, forget: bool, yes: bool, as_json: bool) -> None:
    """Seal every secret in the database by the newest key, while services go on.

    What was never sealed is sealed. With `plain` in the first place of PATCHBAY_SECRET_KEYS it
    opens all instead. It may be stopped and run again.

    --forget-unreadable is for a key that is lost: subscriptions whose secrets it sealed are
    disabled and get a new one and no headers, its signing keys are deleted, and with them the links
    and cursors they signed.

    Ends with 0 if all is sealed by the newest key, 1 if --check found other secrets, 2 if it could
    not do it.
    """
    if check and forget:
        message = "--check changes nothing, so it does not go with --forget-unreadable."
        raise click.UsageError(message)
    settings = load_settings()
    try:
        with command_logging(), existing_database(settings) as database:
            if check:
                left = _tell_keys(database, as_json=as_json)
                sys.exit(OUTDATED if left else 0)
            with overwriting(database):
                if forget:
                    _forget(database, yes=yes)
                _reseal(database, as_json=as_json)
            todo = scrub(database) if database.keyring.seals else None
            if todo is not None:
                click.echo(f"What was plain until now may be in free space: {todo}.", err=True)
    except (PatchbayError, SQLAlchemyError) as error:
        click.echo(str(error).partition("\n")[0], err=True)
        sys.exit(COULD_NOT)


def _tell_keys(database: Database, *, as_json: bool) -> int:
    with database.reading() as connection:
        found = keys_in_use(connection)
    left = outdated(found, database.keyring)
    missing = missing_keys(found, database.keyring)
    newest = database.keyring.sealing_id
    if as_json:
        places = {
            purpose: {key_id or "plain": count for key_id, count in counted.items()}
            for purpose, counted in found.items()
        }
        document = {"newest": newest, "outdated": left, "missing": sorted(missing)}
        click.echo(json.dumps({**document, "places": places}, indent=2))
        return left
    for purpose, counted in found.items():
        for key_id, count in sorted(counted.items(), key=str):
            here = ", which is not here" if key_id in missing else ""
            click.echo(f"{purpose}: {count} {f'by {key_id}{here}' if key_id else 'not sealed'}")
    click.echo(f"Newest key: {newest or 'none yet'}. {left} to seal by it.")
    return left


def _forget(database: Database, *, yes: bool) -> None:
    require_usable(database)
    lost = find_lost(database)
    if lost.count and not yes:
        what = f"{_counted(lost)} cannot be read; keys: {', '.join(lost.sealed_by) or 'none'}."
        click.confirm(f"{what} Give them up for good?", abort=True, err=True)
    lost = forget_lost(database, command_line(), SystemClock().now())
    click.echo(f"Given up: {_counted(lost)}.", err=True)
    for each in lost.subscriptions:
        click.echo(f"{each} is disabled; its receiver needs a new secret.", err=True)


def _counted(lost: Lost) -> str:
    return (
        f"{len(lost.signing_keys)} signing keys, {len(lost.subscriptions)} subscriptions, "
        f"{len(lost.answers)} remembered answers"
    )


def _reseal(database: Database, *, as_json: bool) -> None:
    places: dict[str, Resealed] = {}
    for step in reseal(database):
        places[step.purpose] = step
        if not as_json:
            click.echo(f"{step.purpose}: {step.seen} of {step.total}", err=True)
    total = sum(step.sealed for step in places.values())
    newest = database.keyring.sealing_id
    if total:
        # Its own transaction: the secrets are the same, and a part that is done stays done.
        details = {"count": total, "key": newest or "plain"}
        with database.transaction() as tx:
            now = SystemClock().now()
            record(tx, command_line(), AuditAction.SECRETS_RESEALED, None, now, details)
    if as_json:
        sealed = {purpose: step.sealed for purpose, step in places.items()}
        click.echo(json.dumps({"newest": newest, "sealed": total, "places": sealed}, indent=2))
    else:
        way = "Sealed anew" if database.keyring.seals else "Opened and left unsealed"
        by = f" by the key {newest}" if newest else ""
        click.echo(f"{way}{by}: {total}.")
