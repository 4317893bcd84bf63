"""What a database plans to do for the very statements that our code sends."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, event

#: A statement and its values, as the driver gets them.
Asked = tuple[str, Any]


@contextmanager
def noting_statements(connection: Connection) -> Iterator[list[Asked]]:
    """Fill a list with what is asked within."""
    asked: list[Asked] = []

    def note(_: Any, __: Any, statement: str, values: Any, *___: Any) -> None:
        asked.append((statement, values))

    event.listen(connection, "before_cursor_execute", note)
    try:
        yield asked
    finally:
        event.remove(connection, "before_cursor_execute", note)


def plan_of(connection: Connection, asked: Asked) -> str:
    """Return the plan of a statement, a line a step."""
    statement, values = asked
    explain = "EXPLAIN" if connection.dialect.name == "postgresql" else "EXPLAIN QUERY PLAN"
    steps = connection.exec_driver_sql(f"{explain} {statement}", values)
    return "\n".join(str(step[-1]) for step in steps)
