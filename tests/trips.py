"""Counts how often the database is asked, so that it does not grow unnoticed."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, event

from shared.db.dialects.base import Write
from shared.db.engine import Database


@dataclass(slots=True)
class Trips:
    """The queries, and the first words of each lot of writes that was sent together."""

    queries: list[str] = field(default_factory=list)
    sent: list[list[str]] = field(default_factory=list)


@contextmanager
def counted(database: Database) -> Iterator[Trips]:
    """Count what a database is asked in the block; its transactions' beginnings are not."""
    trips = Trips()
    send = database.dialect.send

    def note(_: Any, __: Any, statement: str, *___: Any) -> None:
        if not statement.startswith("BEGIN"):
            trips.queries.append(statement)

    def note_sent(connection: Connection, writes: Sequence[Write], *, commit: bool) -> None:
        trips.sent.append([" ".join(write.sql.split()[:3]) for write in writes])
        send(connection, writes, commit=commit)

    event.listen(database.engine, "before_cursor_execute", note)
    database.dialect.send = note_sent  # type: ignore[method-assign]
    try:
        yield trips
    finally:
        del database.dialect.send
        event.remove(database.engine, "before_cursor_execute", note)
