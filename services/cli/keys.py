"""patchbay keys: API keys. A token is shown once; only its hash is kept. And what secrets need."""

import sys
from datetime import datetime, timedelta

import click
from sqlalchemy import select, update

from services.cli.actor import command_line
from services.cli.database_file import existing_database
from services.cli.rotate_key import rotate_key
from services.cli.secret_keys import new_secret_key, reencrypt
from shared.db.api_keys import create_key
from shared.db.audit import record
from shared.db.engine import Database, Row, first, rows
from shared.db.models import ApiKey, Requester
from shared.db.models.base import table
from shared.db.signing_keys import SigningKeys
from shared.domain.api_key import ALL, ROLE_SCOPES, SCOPES
from shared.domain.audit import AuditAction
from shared.domain.clock import SystemClock
from shared.domain.rate import RateClass
from shared.domain.role import Role
from shared.settings import load_settings

_KEYS = table(ApiKey)

MAX_RATE = 1_000_000

#: An old token should not go on for longer than a month.
MAX_OVERLAP_HOURS = 24 * 31


def _database() -> Database:
    return click.get_current_context().with_resource(existing_database(load_settings()))


@click.group()
def keys() -> None:
    """Make, list, rotate and revoke API keys; seal secrets by another key."""


@keys.command()
@click.option("--name", required=True, help="Who or what the key is for.")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    type=click.Choice(SCOPES),
    help=f"What the key may do; several times. {ALL} is everything. Left out, what the role needs.",
)
@click.option(
    "--role",
    type=click.Choice([role.value for role in Role if role is not Role.SYSTEM]),
    help="What its holder is to the desk; admin if only scopes are given.",
)
@click.option(
    "--requester",
    "requester_id",
    metavar="RQR_ID",
    help="With the role requester, which needs it: whose tickets the key is for.",
)
@click.option(
    "--days", type=click.IntRange(1), help="Days until the key expires; never if left out."
)
@click.option(
    "--rate",
    "rates",
    multiple=True,
    metavar="CLASS=N",
    help="Requests a minute: read=N, write=N or bulk=N, 0 for no limit; several times.",
)
def create(
    name: str,
    scopes: tuple[str, ...],
    role: str | None,
    requester_id: str | None,
    days: int | None,
    rates: tuple[str, ...],
) -> None:
    """Make a key and print its token, this once.

    \b
    Example: patchbay keys create --name helpdesk-form --scope tickets:write
    """  # noqa: D301 -- \b is for click
    if not scopes and role is None:
        message = f"Say what the key may do: --role, or --scope one of {', '.join(SCOPES)}."
        raise click.UsageError(message)
    given = Role(role) if role else Role.ADMIN
    if (given is Role.REQUESTER) != (requester_id is not None):
        message = "The role requester and --requester RQR_ID go together, and only they do."
        raise click.UsageError(message)
    limits = dict(_rate(text) for text in rates)
    database = _database()
    if requester_id is not None:
        requester_id = _present(database, requester_id)
    allowed = list(scopes or ROLE_SCOPES[given])
    click.echo(
        create_key(database, name, allowed, days, given, limits, requester_id, actor=command_line())
    )
    click.echo("Keep this token; it is not shown again.", err=True)


def _present(database: Database, requester_id: str) -> str:
    """Return the id of a requester, or of whoever they were merged into."""
    requesters = table(Requester)
    query = select(requesters).where(requesters.c.id == requester_id)
    with database.reading() as connection:
        row = first(connection, query)
    if row is None or row["erased_at"] is not None:
        message = f"There is no requester {requester_id}; GET /v1/requesters finds them."
        raise click.BadParameter(message, param_hint="--requester")
    return str(row["merged_into"] or row["id"])


def _rate(text: str) -> tuple[RateClass, int]:
    name, _, number = text.partition("=")
    if name not in set(RateClass) or not number.isdecimal() or int(number) > MAX_RATE:
        message = f"{text!r} is no rate; write one as write=600, at most {MAX_RATE} a minute."
        raise click.BadParameter(message, param_hint="--rate")
    return RateClass(name), int(number)


@keys.command("list")
def list_keys() -> None:
    """List keys, without their tokens."""
    with _database().reading() as connection:
        for row in rows(connection, select(_KEYS).order_by(_KEYS.c.id)):
            click.echo(_line(row))


def _line(row: Row) -> str:
    state = "revoked" if row["revoked_at"] else "valid"
    if row["expires_at"]:
        state += f" until {_minute(row['expires_at'])}"
    if row["previous_until"]:
        state += f"  token before until {_minute(row['previous_until'])}"
    used = _minute(row["last_used_at"]) if row["last_used_at"] else "never"
    whose = f" of {row['requester_id']}" if row["requester_id"] else ""
    limits = [(each, row[f"{each}_limit"]) for each in RateClass]
    rates = "".join(f"  {each}={limit}" for each, limit in limits if limit is not None)
    scopes = " ".join(row["scopes"])
    told = f"{row['id']}  {row['name']}  {row['role']}{whose}  {scopes}  {state}{rates}"
    return f"{told}  used {used}"


def _minute(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"


@keys.command()
@click.argument("key_id")
@click.option(
    "--overlap-hours",
    type=click.IntRange(0, MAX_OVERLAP_HOURS),
    default=24,
    show_default=True,
    help="How long the old token still works.",
)
def rotate(key_id: str, overlap_hours: int) -> None:
    """Give a key a new token and print it, this once."""
    overlap = timedelta(hours=overlap_hours)
    token = rotate_key(_database(), key_id, overlap, SystemClock().now())
    if token is None:
        click.echo(f"There is no valid key {key_id}; patchbay keys list shows them.", err=True)
        sys.exit(1)
    click.echo(token)
    click.echo("Keep this token; it is not shown again.", err=True)


@keys.command("rotate-signing")
@click.option(
    "--overlap-hours",
    type=click.IntRange(0, MAX_OVERLAP_HOURS),
    default=24 * 14,
    show_default=True,
    help="How long links and cursors signed before are still good.",
)
def rotate_signing(overlap_hours: int) -> None:
    """Sign links in mails and pages, and cursors, with a new secret.

    Running services do so within a minute, and know what the new secret signed at once. After a
    secret has leaked, use --overlap-hours 0: links that were sent are good for nothing then.
    """
    overlap = timedelta(hours=overlap_hours)
    SigningKeys(_database(), SystemClock()).rotate(overlap, command_line())
    click.echo(f"What was signed before is good for {overlap_hours} hours yet.")


keys.add_command(new_secret_key)
keys.add_command(reencrypt)


@keys.command()
@click.argument("key_id")
def revoke(key_id: str) -> None:
    """Revoke a key. Running services notice within five seconds."""
    now = SystemClock().now()
    statement = (
        update(_KEYS)
        .where(_KEYS.c.id == key_id, _KEYS.c.revoked_at.is_(None))
        .values(revoked_at=now)
        .returning(_KEYS.c.id)
    )
    with _database().transaction() as tx:
        found = tx.execute(statement).first()
        if found is not None:
            record(tx, command_line(), AuditAction.KEY_REVOKED, key_id, now)
    if found is None:
        click.echo(f"There is no valid key {key_id}; patchbay keys list shows them.", err=True)
        sys.exit(1)
    click.echo(f"Revoked {key_id}.")
