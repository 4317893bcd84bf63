"""Reading and preparing rows in tests."""

from typing import Any

from sqlalchemy import ColumnElement, select, update

from shared.db.engine import Database
from shared.db.models import Base
from shared.db.models.base import table


def rows(
    database: Database, model: type[Base], *conditions: ColumnElement[bool]
) -> list[dict[str, Any]]:
    """Return the rows of a table that meet the conditions, by primary key."""
    found = table(model)
    query = select(found).where(*conditions).order_by(*found.primary_key.columns)
    with database.reading() as connection:
        return [dict(row) for row in connection.execute(query).mappings()]


def set_columns(database: Database, model: type[Base], key: str, **values: Any) -> None:
    """Change one row past all code of ours, as an operator or a bug might."""
    found = table(model)
    column = next(iter(found.primary_key.columns))
    with database.transaction() as tx:
        tx.execute(update(found).where(column == key).values(**values))
