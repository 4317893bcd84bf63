"""What PostgreSQL and SQLite do differently, each difference a small named fragment."""

from sqlalchemy.engine import make_url

from shared.db.dialects.base import Dialect
from shared.db.dialects.postgresql import PostgreSQL
from shared.db.dialects.sqlite import SQLite

_DIALECTS: dict[str, type[Dialect]] = {"postgresql": PostgreSQL, "sqlite": SQLite}


def dialect_for(url: str) -> Dialect:
    """Return the fragments for a database URL; an unknown database is a KeyError at start."""
    return _DIALECTS[make_url(url).get_backend_name()]()


__all__ = ["Dialect", "dialect_for"]
