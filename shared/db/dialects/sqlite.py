"""SQLite: in-process, one writer at a time; `BEGIN IMMEDIATE` takes the place of row locks."""

import sqlite3
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Engine,
    FromClause,
    Insert,
    Table,
    bindparam,
    cast,
    create_engine,
    event,
    exists,
    func,
    literal_column,
    select,
    text,
    type_coerce,
)
from sqlalchemy.dialects import sqlite
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.types import TypeEngine

from shared.db.dialects.base import (
    Dialect,
    QueryForEach,
    Row,
    RowsOfEach,
    Write,
    plain_rows,
)
from shared.db.dialects.pool import MeasuredPool
from shared.db.types import UTCDateTime, dump_json, load_json
from shared.failpoints import failpoint

_Processor = Callable[[Any], Any] | None

#: How long a transaction waits for the one before it; far beyond any batch.
BUSY_TIMEOUT_MS = 10_000


class SQLite(Dialect):
    """Batches go through `executemany`: without a network a round trip costs nothing."""

    def __init__(self) -> None:
        super().__init__()
        self._processors: dict[tuple[str, str], _Processor] = {}
        self._compiler = sqlite.dialect(json_serializer=dump_json)
        self._turn = threading.Lock()

    def turn(self) -> AbstractContextManager[object]:
        # SQLite lets a second writer sleep and try again, in growing steps and in no order: under
        # load some wait for seconds. A lock wakes the next one the moment the last is done.
        return self._turn

    def build_engine(self, url: str, pool_size: int) -> Engine:
        engine = create_engine(
            url,
            poolclass=MeasuredPool,
            pool_size=pool_size,
            max_overflow=-1,
            json_serializer=dump_json,
            json_deserializer=load_json,
            # Parameters are what customers wrote, and secrets; they have no place in a log.
            hide_parameters=True,
            connect_args={"timeout": BUSY_TIMEOUT_MS / 1000, "check_same_thread": False},
        )
        self._compiler = engine.dialect
        database = make_url(url).database
        if database:
            event.listen(engine, "do_connect", lambda *_: _prepare_file(Path(database)))
        event.listen(engine, "connect", _prepare_connection)
        event.listen(engine, "begin", _begin)
        return engine

    def prepare_migration(self, connection: Connection, lock_timeout_s: float) -> None:
        # A column is changed by copying its table; what refers to the table must not see it go.
        driver: Any = connection.connection.driver_connection
        driver.execute("PRAGMA foreign_keys=OFF")
        driver.execute(f"PRAGMA busy_timeout={lock_timeout_s * 1000:.0f}")

    def met_a_lock(self, error: DBAPIError) -> bool:
        return isinstance(error.orig, sqlite3.OperationalError) and "locked" in str(error.orig)

    def insert(self, table: Table, rows: Sequence[Row], *, skip_existing: bool = False) -> Write:
        columns = tuple(rows[0])
        cached = ("insert", table.name, columns, skip_existing)
        sql = self._sql.get(cached)
        if sql is None:
            marks = ", ".join("?" for _ in columns)
            sql = self._sql[cached] = (
                f"INSERT INTO {table.name} ({', '.join(columns)}) VALUES ({marks})"  # noqa: S608
                f"{' ON CONFLICT DO NOTHING' if skip_existing else ''}"
            )
        return Write(sql, self._tuples(table, columns, rows), many=True)

    def update(
        self,
        table: Table,
        key: tuple[str, ...],
        rows: Sequence[Row],
        *,
        raised: str | None = None,
        cleared: str | None = None,
    ) -> Write:
        values = tuple(name for name in rows[0] if name not in key)
        columns = (*values, *key)
        cached = ("update", table.name, key, columns, raised, cleared)
        sql = self._sql.get(cached)
        if sql is None:
            assigned = [f"{name} = ?" for name in values]
            assigned += [f"{raised} = {raised} + 1"] if raised else []
            assigned += [f"{cleared} = NULL"] if cleared else []
            assignments = ", ".join(assigned)
            matches = " AND ".join(f"{name} = ?" for name in key)
            sql = self._sql[cached] = f"UPDATE {table.name} SET {assignments} WHERE {matches}"  # noqa: S608
        return Write(sql, self._tuples(table, columns, rows), many=True)

    def delete(self, table: Table, key: str, values: Sequence[Any]) -> Write:
        sql = f"DELETE FROM {table.name} WHERE {key} = ?"  # noqa: S608
        return Write(sql, [(value,) for value in values], many=True)

    def upsert(self, table: Table, key: tuple[str, ...], update: tuple[str, ...]) -> Insert:
        statement = sqlite.insert(table)
        if not update:
            return statement.on_conflict_do_nothing(index_elements=key)
        return statement.on_conflict_do_update(
            index_elements=key, set_={column: statement.excluded[column] for column in update}
        )

    def rows_as_table(self, name: str, types: Mapping[str, TypeEngine[Any]]) -> FromClause:
        each = func.json_each(bindparam(name)).table_valued("value", name=f"{name}_each")
        columns = []
        for column, type_ in types.items():
            value = func.json_extract(each.c.value, f"$.{column}")
            moment = isinstance(type_, UTCDateTime)
            # Casting to a time would make a number of it.
            typed = type_coerce(value, type_) if moment else cast(value, type_)
            columns.append(typed.label(column))
        return select(*columns).subquery(name)

    def rows_parameters(self, name: str, rows: Sequence[Row]) -> Row:
        return super().rows_parameters(name, [_with_plain_times(row) for row in rows])

    def rows_of_each(
        self, name: str, types: Mapping[str, TypeEngine[Any]], build: QueryForEach
    ) -> RowsOfEach:
        query = build({column: bindparam(column, type_=type_) for column, type_ in types.items()})

        def run(connection: Connection, rows: Sequence[Row], limit: int) -> list[dict[str, Any]]:
            # No joins by position here, and no distance either: one query after the other.
            found: list[dict[str, Any]] = []
            for row in rows:
                if len(found) >= limit:
                    break
                found += plain_rows(connection.execute(query, dict(row)))
            return found[:limit]

        return run

    def send(self, connection: Connection, writes: Sequence[Write], *, commit: bool) -> None:
        driver: Any = connection.connection.driver_connection
        for write in writes:
            if write.many:
                driver.executemany(write.sql, write.parameters)
            else:
                driver.execute(write.sql, write.parameters)
        if commit:
            failpoint("database.writing")
            driver.commit()

    def feed_key(self, events: Table) -> ColumnElement[int]:
        # One writer at a time: rows are numbered in the order of commits. The table is only ever
        # appended to, so no number comes twice.
        return literal_column(f"{events.name}.rowid", BigInteger())

    def feed_end(self, events: Table) -> ColumnElement[int]:
        last = literal_column("rowid", BigInteger())
        return select(func.coalesce(func.max(last), 0) + 1).select_from(events).scalar_subquery()

    def json_array_has(self, array: ColumnElement[Any], text: str) -> ColumnElement[bool]:
        return exists().where(func.json_each(array).table_valued("value").c.value == text)

    def next_ticket_numbers(self, connection: Connection, count: int) -> list[int]:
        # The write lock is held, so nobody else reads the same maximum.
        last = connection.execute(text("SELECT coalesce(max(number), 0) FROM tickets")).scalar_one()
        return list(range(last + 1, last + count + 1))

    def pass_ticket_number(self, connection: Connection, number: int) -> None:
        """Do nothing: the next number follows from the largest."""

    def _tuples(self, table: Table, columns: tuple[str, ...], rows: Sequence[Row]) -> list[Any]:
        """Return the rows as the driver wants them, after what SQLAlchemy does to each type."""
        processors = [self._processor(table, column) for column in columns]
        return [
            tuple(
                value if process is None or value is None else process(value)
                for process, value in zip(
                    processors, (row[column] for column in columns), strict=True
                )
            )
            for row in rows
        ]

    def _processor(self, table: Table, column: str) -> _Processor:
        key = (table.name, column)
        if key not in self._processors:
            type_ = table.c[column].type
            compiler = self._compiler
            self._processors[key] = type_.dialect_impl(compiler).bind_processor(compiler)
        return self._processors[key]


def _prepare_file(path: Path) -> None:
    """Make the file for its owner alone: it holds what customers wrote, and signing secrets."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)


def _prepare_connection(connection: Any, _: object) -> None:
    # The driver must not begin transactions of its own; `_begin` does.
    connection.isolation_level = None
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA foreign_keys=ON")
    connection.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")


def _begin(connection: Connection) -> None:
    reading = connection.get_execution_options().get("patchbay_reading", False)
    connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")


def _with_plain_times(row: Row) -> dict[str, Any]:
    """Write moments as SQLite's columns hold them: UTC, with a space and microseconds."""
    return {
        key: value.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")
        if isinstance(value, datetime)
        else value
        for key, value in row.items()
    }
