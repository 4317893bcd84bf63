"""The schema's version: bring it up to date, and refuse to work on one that does not fit."""

from collections.abc import Callable
from pathlib import Path

from alembic.config import Config
from alembic.script import ScriptDirectory

from shared.db.compatibility import SchemaState, read_state
from shared.db.engine import Database
from shared.db.migrating import Patience, upgrade
from shared.domain.errors import SchemaAhead, SchemaBehind

_MIGRATIONS = Path(__file__).parent / "migrations"


def migrate(
    database: Database,
    say: Callable[[str], object] = lambda _: None,
    patience: Patience = Patience(),  # noqa: B008 -- frozen
) -> tuple[str | None, str | None]:
    """Upgrade to the newest revision; return the revisions before and after.

    A schema of a later release on which this one works is left as it is. `say` is told of each step
    and of whoever is waited for. Raises SchemaAhead for a schema that is too new, and Unavailable
    when the locks that are needed cannot be had within the patience; what was done until then
    stays, and another run goes on from there.
    """
    before = state(database)
    if before.behind or before.current == before.newest:
        upgrade(database, _config(), say, patience)
    else:
        require_current(database)
    return before.current, current_revision(database)


def require_current(database: Database) -> None:
    """Raise SchemaBehind or SchemaAhead unless this release works on the schema."""
    found = state(database)
    if found.fits:
        return
    if found.behind:
        has = "has no schema yet" if found.current is None else f"has schema {found.current}"
        message = f"The database {has}, this release needs {found.newest}. Run: patchbay migrate"
        raise SchemaBehind(message)
    oldest = f"works from {found.floor} on" if found.floor else "is not one of Patchbay's"
    message = (
        f"The database has schema {found.current}, which {oldest}; this release knows "
        f"{found.newest}. Install the release that made it, or a later one."
    )
    raise SchemaAhead(message)


def state(database: Database) -> SchemaState:
    """Return how the database's schema stands to this release."""
    with database.reading() as connection:
        return read_state(connection, ScriptDirectory.from_config(_config()))


def current_revision(database: Database) -> str | None:
    """Return the revision the database is at; None for an empty one."""
    return state(database).current


def newest_revision() -> str:
    """Return the newest revision of this release."""
    head = ScriptDirectory.from_config(_config()).get_current_head()
    assert head is not None  # noqa: S101 -- the package carries at least one revision
    return head


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    return config
