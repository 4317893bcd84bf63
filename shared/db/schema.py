"""The schema's version: bring it up to date, and refuse to work on one that is not."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from shared.db.engine import Database, translated
from shared.domain.errors import SchemaBehind

_MIGRATIONS = Path(__file__).parent / "migrations"


def migrate(database: Database) -> tuple[str | None, str]:
    """Upgrade to the newest revision; return the revisions before and after."""
    before = current_revision(database)
    config = _config()
    with translated(), database.engine.connect() as connection:
        database.dialect.prepare_migration(connection)
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        database.dialect.mend_feed(connection)
        connection.commit()
        # The lock and the time limits belong to the connection; it goes with them.
        connection.invalidate()
    return before, newest_revision()


def require_current(database: Database) -> None:
    """Raise SchemaBehind unless the schema is the newest revision."""
    current, newest = current_revision(database), newest_revision()
    if current != newest:
        state = "has no schema yet" if current is None else f"has schema {current}"
        message = f"The database {state}, this release needs {newest}. Run: patchbay migrate"
        raise SchemaBehind(message)


def current_revision(database: Database) -> str | None:
    """Return the revision the database is at; None for an empty one."""
    with database.reading() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def newest_revision() -> str:
    """Return the newest revision of this release."""
    head = ScriptDirectory.from_config(_config()).get_current_head()
    assert head is not None  # noqa: S101 -- the package carries at least one revision
    return head


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    return config
