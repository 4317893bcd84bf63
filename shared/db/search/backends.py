"""Which full-text index goes with which database."""

from shared.db.engine import Database
from shared.db.search.backend import SearchBackend
from shared.db.search.postgresql import PostgreSQLSearch
from shared.db.search.sqlite import SQLiteSearch

_BACKENDS: dict[str, type[SearchBackend]] = {
    "postgresql": PostgreSQLSearch,
    "sqlite": SQLiteSearch,
}


def backend_of(database: Database) -> SearchBackend:
    """Return the full-text index of a database."""
    return _BACKENDS[database.engine.dialect.name]()
