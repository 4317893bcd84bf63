"""patchbay keys: API keys. A token is shown once; only its hash is kept."""

import sys
from collections.abc import Mapping
from datetime import timedelta

import click
from sqlalchemy import select, update

from shared.db.engine import Database
from shared.db.models import ApiKey
from shared.db.models.base import table
from shared.db.schema import require_current
from shared.domain.api_key import ALL, SCOPES, digest, new_token
from shared.domain.clock import SystemClock
from shared.domain.ids import Prefix, new_id
from shared.domain.rate import RateClass
from shared.domain.role import Role
from shared.settings import load_settings

_KEYS = table(ApiKey)

MAX_RATE = 1_000_000


def store_key(
    database: Database,
    token: str,
    name: str,
    scopes: list[str],
    days: int | None = None,
    role: Role = Role.ADMIN,
    limits: Mapping[RateClass, int] | None = None,
) -> None:
    """Store a new API key by the hash of its token; `limits` are its own, in requests a minute."""
    now = SystemClock().now()
    row = {
        "id": new_id(Prefix.API_KEY),
        "name": name,
        "digest": digest(token),
        "scopes": scopes,
        "role": role,
        "created_at": now,
        "expires_at": None if days is None else now + timedelta(days=days),
        "revoked_at": None,
        **{f"{each}_limit": (limits or {}).get(each) for each in RateClass},
    }
    with database.transaction() as tx:
        tx.insert(_KEYS, [row])


def create_key(
    database: Database,
    name: str,
    scopes: list[str],
    days: int | None = None,
    role: Role = Role.ADMIN,
    limits: Mapping[RateClass, int] | None = None,
) -> str:
    """Make a token, store its key and return it."""
    token = new_token()
    store_key(database, token, name, scopes, days, role, limits)
    return token


def _database() -> Database:
    database = Database(load_settings().database_url)
    require_current(database)
    return database


@click.group()
def keys() -> None:
    """Make, list and revoke API keys."""


@keys.command()
@click.option("--name", required=True, help="Who or what the key is for.")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    type=click.Choice(SCOPES),
    help=f"What the key may do; may be given several times. {ALL} is everything.",
)
@click.option(
    "--role",
    type=click.Choice([role.value for role in Role if role is not Role.SYSTEM]),
    default=Role.ADMIN.value,
    show_default=True,
    help="What its holder is to the desk; some steps of a ticket are for leads only.",
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
    name: str, scopes: tuple[str, ...], role: str, days: int | None, rates: tuple[str, ...]
) -> None:
    """Make a key and print its token, this once.

    \b
    Example: patchbay keys create --name helpdesk-form --scope tickets:write
    """  # noqa: D301 -- \b is for click
    if not scopes:
        message = f"Say what the key may do: --scope one of {', '.join(SCOPES)}."
        raise click.UsageError(message)
    limits = dict(_rate(text) for text in rates)
    click.echo(create_key(_database(), name, list(scopes), days, Role(role), limits))
    click.echo("Keep this token; it is not shown again.", err=True)


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
        for row in connection.execute(select(_KEYS).order_by(_KEYS.c.id)):
            state = "revoked" if row.revoked_at else "valid"
            if row.expires_at:
                state += f" until {row.expires_at:%Y-%m-%d %H:%M} UTC"
            limits = [(each, getattr(row, f"{each}_limit")) for each in RateClass]
            rates = "".join(f"  {each}={limit}" for each, limit in limits if limit is not None)
            told = f"{row.id}  {row.name}  {row.role}  {' '.join(row.scopes)}  {state}{rates}"
            click.echo(told)


@keys.command()
@click.argument("key_id")
def revoke(key_id: str) -> None:
    """Revoke a key. Running services notice within five seconds."""
    statement = (
        update(_KEYS)
        .where(_KEYS.c.id == key_id, _KEYS.c.revoked_at.is_(None))
        .values(revoked_at=SystemClock().now())
        .returning(_KEYS.c.id)
    )
    with _database().transaction() as tx:
        found = tx.execute(statement).first()
    if found is None:
        click.echo(f"There is no valid key {key_id}; patchbay keys list shows them.", err=True)
        sys.exit(1)
    click.echo(f"Revoked {key_id}.")
