"""Whether something is due, read off the end of an index on its time."""

from datetime import datetime

from sqlalchemy import ColumnElement, Connection, func, select


def is_due(
    connection: Connection,
    column: ColumnElement[datetime | None],
    before: datetime,
    *conditions: ColumnElement[bool],
) -> bool:
    """Tell whether a row that meets the conditions has been due since `before`.

    EXISTS asks the same, but PostgreSQL plans it as if the next row it looks at were probably due:
    where none is, and that is nearly always, it reads the whole table. The least of a column has no
    such hope and comes from the index. That it is not null goes without saying, but not for SQLite,
    which otherwise leaves a partial index alone and reads the whole table.
    """
    query = select(func.min(column)).where(column.is_not(None), *conditions)
    earliest: datetime | None = connection.execute(query).scalar_one()
    return earliest is not None and earliest <= before
