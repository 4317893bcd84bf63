"""PostgreSQL by psycopg 3: arrays in, `unnest`, statements pipelined into one round trip."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import (
    Connection,
    Engine,
    FromClause,
    Insert,
    Table,
    bindparam,
    cast,
    create_engine,
    func,
    text,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import JSON, TypeEngine

from shared.db.dialects.base import Dialect, Row, Write, _Processor
from shared.db.types import dump_json, load_json

_COMPILER = postgresql.dialect()


class PostgreSQL(Dialect):
    """Writes whole batches as `INSERT … SELECT FROM unnest(…)`: one plan, one round trip."""

    def build_engine(self, url: str, pool_size: int) -> Engine:
        return create_engine(
            url,
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=10,
            pool_pre_ping=False,
            pool_recycle=1800,
            json_serializer=dump_json,
            json_deserializer=load_json,
            connect_args={
                "connect_timeout": 5,
                "options": "-c timezone=UTC -c statement_timeout=30000 "
                "-c idle_in_transaction_session_timeout=60000 -c lock_timeout=10000",
                "application_name": "patchbay",
                "prepare_threshold": 2,
            },
        )

    def insert(self, table: Table, rows: Sequence[Row]) -> Write:
        columns = tuple(rows[0])
        return Write(self._insert_sql(table, columns), self._arrays(table, columns, rows))

    def update(self, table: Table, key: tuple[str, ...], rows: Sequence[Row]) -> Write:
        columns = tuple(rows[0])
        cached = ("update", table.name, key, columns)
        sql = self._sql.get(cached)
        if sql is None:
            assignments = ", ".join(f"{name} = v.{name}" for name in columns if name not in key)
            matches = " AND ".join(f"{table.name}.{name} = v.{name}" for name in key)
            sql = self._sql[cached] = (
                f"UPDATE {table.name} SET {assignments} "  # noqa: S608 -- names of our own tables
                f"FROM unnest({self._casts(table, columns)}) AS v ({', '.join(columns)}) "
                f"WHERE {matches}"
            )
        return Write(sql, self._arrays(table, columns, rows))

    def delete(self, table: Table, key: str, values: Sequence[Any]) -> Write:
        sql = f"DELETE FROM {table.name} WHERE {key} = ANY(%s)"  # noqa: S608
        return Write(sql, [list(values)])

    def upsert(self, table: Table, key: tuple[str, ...], update: tuple[str, ...]) -> Insert:
        statement = postgresql.insert(table)
        if not update:
            return statement.on_conflict_do_nothing(index_elements=key)
        return statement.on_conflict_do_update(
            index_elements=key, set_={column: statement.excluded[column] for column in update}
        )

    def rows_as_table(self, name: str, types: Mapping[str, TypeEngine[Any]]) -> FromClause:
        arrays = [
            cast(bindparam(f"{name}_{column}"), ARRAY(type_)) for column, type_ in types.items()
        ]
        return func.unnest(*arrays).table_valued(*types, name=name).render_derived()

    def rows_parameters(self, name: str, types: Sequence[str], rows: Sequence[Row]) -> Row:
        return {f"{name}_{column}": [row[column] for row in rows] for column in types}

    def send(self, connection: Connection, writes: Sequence[Write], *, commit: bool) -> None:
        driver: Any = connection.connection.driver_connection
        with driver.pipeline(), driver.cursor() as cursor:
            for write in writes:
                cursor.execute(write.sql, write.parameters)
            if commit:
                driver.commit()

    def next_ticket_numbers(self, connection: Connection, count: int) -> list[int]:
        statement = text(
            "SELECT nextval('ticket_numbers') FROM generate_series(1, :count) ORDER BY 1"
        )
        return list(connection.execute(statement, {"count": count}).scalars())

    def _find_processor(self, table: Table, column: str) -> _Processor:
        type_ = table.c[column].type
        return dump_json if isinstance(type_, JSON) else None

    def _insert_sql(self, table: Table, columns: tuple[str, ...]) -> str:
        cached = ("insert", table.name, columns)
        sql = self._sql.get(cached)
        if sql is None:
            sql = self._sql[cached] = (
                f"INSERT INTO {table.name} ({', '.join(columns)}) "  # noqa: S608
                f"SELECT * FROM unnest({self._casts(table, columns)})"
            )
        return sql

    def _casts(self, table: Table, columns: tuple[str, ...]) -> str:
        return ", ".join(f"%s::{_type_name(table, column)}[]" for column in columns)

    def _arrays(self, table: Table, columns: tuple[str, ...], rows: Sequence[Row]) -> list[Any]:
        return [[self.bind(table, column, row[column]) for row in rows] for column in columns]


def _type_name(table: Table, column: str) -> str:
    compiled = table.c[column].type.compile(dialect=_COMPILER)
    return compiled.partition(" COLLATE")[0]
