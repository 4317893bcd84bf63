"""The database of commands that look into one and must not make one."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from sqlalchemy.engine import make_url

from shared.db.engine import Database, open_database
from shared.db.schema import require_current
from shared.domain.errors import NotFound
from shared.settings import Settings


def missing_file(settings: Settings) -> Path | None:
    """Return the file of a SQLite database that is not there; a look would make an empty one."""
    url = make_url(settings.database_url)
    if url.get_backend_name() != "sqlite" or not url.database or url.database == ":memory:":
        return None
    file = Path(url.database)
    return None if file.exists() else file


def require_file(settings: Settings) -> None:
    """Raise NotFound, with the way out, where the file of a SQLite database is not there."""
    file = missing_file(settings)
    if file is not None:
        raise NotFound(
            f"There is no database at {file}. Mend PATCHBAY_DATABASE_URL, or make one by: "
            "patchbay migrate"
        )


@contextmanager
def existing_database(settings: Settings, pool_size: int = 2) -> Iterator[Database]:
    """Open a database that is there and that this release works on, until the block ends.

    Raises NotFound or SchemaBehind, each with the way out.
    """
    require_file(settings)
    with closing(open_database(settings, pool_size)) as database:
        require_current(database)
        yield database
