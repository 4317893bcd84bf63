"""The file of a SQLite database, for commands that look into one and must not make one."""

from pathlib import Path

from sqlalchemy.engine import make_url

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
