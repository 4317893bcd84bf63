"""PostgreSQL by psycopg 3: a batch is one JSON parameter, and statements share a round trip.

Rows travel as one JSON text and become rows again by `json_to_recordset`. Arrays with `unnest` do
the same, but psycopg quotes each element of an array in Python, which took half of the router's
time; orjson writes a whole batch in C. `docs/adr/0010-rows-travel-as-json.md` has the figures, and
`row_transport.py` what is different for writes.

Plans are made for tables as they are now, see `docs/adr/0015-plans-are-made-anew.md`.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from time import monotonic
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    ColumnElement,
    Connection,
    Engine,
    FromClause,
    Insert,
    Table,
    and_,
    bindparam,
    cast,
    column,
    create_engine,
    event,
    func,
    literal_column,
    select,
    text,
    true,
    type_coerce,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import DBAPIError
from sqlalchemy.types import TypeEngine

from shared.db.dialects.base import (
    LONGEST_SILENCE,
    Dialect,
    QueryForEach,
    Row,
    RowsOfEach,
    Write,
    plain_rows,
)
from shared.db.dialects.pool import MeasuredPool
from shared.db.dialects.row_transport import (
    TextArray,
    TextArrayDumper,
    source,
    travelling,
    value_of,
)
from shared.db.sealed_types import with_sealed
from shared.db.types import dump_json, load_json
from shared.failpoints import failpoint

#: A server whose host went away without a word is given up after 30 s, instead of after the hours
#: that TCP would wait (libpq, "Parameter Key Words").
_DEAD_PEER = {
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 4,
    "tcp_user_timeout": 30_000,
}

#: The last three: `docs/adr/0015-plans-are-made-anew.md`.
_SESSION = " ".join(
    f"-c {setting}"
    for setting in (
        "timezone=UTC",
        "statement_timeout=30000",
        f"idle_in_transaction_session_timeout={LONGEST_SILENCE // timedelta(milliseconds=1)}",
        "lock_timeout=10000",
        "plan_cache_mode=force_generic_plan",
        "random_page_cost=1.1",
        "jit=off",
    )
)

_FEED_END = "(pg_snapshot_xmin(pg_current_snapshot())::text::bigint + feed_offset())"
#: The offset that is needed, if the newest events are at or beyond the next transaction's number.
_FEED_BEHIND = (
    "SELECT CASE WHEN newest >= upcoming + feed_offset() THEN newest - upcoming + 1 END FROM "
    "(SELECT max(feed_key) AS newest, pg_snapshot_xmax(pg_current_snapshot())::text::bigint "
    "AS upcoming FROM ticket_events) AS feed"
)

_NEXT_NUMBERS = text("SELECT nextval('ticket_numbers') FROM generate_series(1, :count) ORDER BY 1")

_CLAIM_MIGRATION = "SELECT pg_try_advisory_lock(7205759403792793600)"
#: Lock not available, and a deadlock that ended here (PostgreSQL, appendix A).
_MET_A_LOCK = ("55P03", "40P01")
#: What they do is left out: texts of statements of others may hold anything.
_LOCK_HOLDERS = text(
    "SELECT format('process %s (%s, %s, in a transaction for %s s)', pid, "
    "coalesce(nullif(application_name, ''), usename, backend_type), coalesce(state, 'running'), "
    "coalesce(extract(epoch FROM now() - xact_start)::int, 0)) "
    "FROM pg_stat_activity WHERE pid = ANY(pg_blocking_pids(:pid))"
)

_APPLICATION = "patchbay"
#: A role may end its own sessions. `ClientRead`: it was sent writes and not the end of the trip.
#: `ClientWrite`: nobody takes what it answers, and a transaction that locked a row has a number.
_STILL = (
    "SELECT pid, coalesce(client_addr::text, 'local') AS client, "
    "extract(epoch FROM clock_timestamp() - state_change)::float AS silent_s "
    "FROM pg_stat_activity WHERE datname = current_database() AND usename = current_user "
    "AND application_name = :application AND state = 'active' AND xact_start IS NOT NULL "
    "AND (wait_event = 'ClientRead' OR wait_event = 'ClientWrite' AND backend_xid IS NOT NULL) "
    "AND state_change < clock_timestamp() - make_interval(secs => :after)"
)
_LOOK_FOR_STRANDED = text(_STILL)
#: Looked at once more: state and wait event are not read at the same moment, so that a session
#: whose long statement ends between the two looks stranded. Materialized: what is ended has been
#: chosen before.
_END_STRANDED = text(
    f"WITH still AS MATERIALIZED ({_STILL} AND pid = ANY(:pids)) "  # noqa: S608 -- ours
    "SELECT pid, client, silent_s FROM still WHERE pg_terminate_backend(pid)"
)

#: How old a plan may get, in seconds. A list that was empty may hold ten thousand rows by then; a
#: plan that reads all of those still takes only a few milliseconds.
REPLAN_S = 5.0


#: Lists and searches are asked with values of all kinds, rare and common ones, which need plans of
#: their own; and one that finds no good plan must not hold a connection for long.
_SEARCHING = ("plan_cache_mode = force_custom_plan", "statement_timeout = 5000")


#: Each is asked once, and goes through whole tables: no prepared plan, and no limit of time, also
#: not for who asks, between two questions.
_EXAMINING = (
    "plan_cache_mode = force_custom_plan",
    "statement_timeout = 0",
    "idle_in_transaction_session_timeout = 0",
)


class PostgreSQL(Dialect):
    """Writes whole batches as `INSERT … SELECT … FROM json_to_recordset(…)`."""

    def __init__(self) -> None:
        super().__init__()
        self._compiler = postgresql.dialect()  # type: ignore[no-untyped-call]

    def build_engine(self, url: str, pool_size: int) -> Engine:
        engine = create_engine(
            url,
            poolclass=MeasuredPool,
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=10,
            pool_recycle=1800,
            json_serializer=dump_json,
            json_deserializer=load_json,
            # Parameters are what customers wrote, and secrets; they have no place in a log.
            hide_parameters=True,
            connect_args={
                "connect_timeout": 5,
                "options": _SESSION,
                "application_name": _APPLICATION,
                "prepare_threshold": 2,
                **_DEAD_PEER,
            },
        )
        self._compiler = engine.dialect
        event.listen(engine, "connect", _meet)
        event.listen(engine, "checkout", _forget_old_plans)
        return engine

    def prepare_migration(self, connection: Connection, lock_timeout_s: float) -> None:
        # An index on a large table takes longer than any batch may.
        connection.exec_driver_sql("SET statement_timeout = 0")
        connection.exec_driver_sql(f"SET lock_timeout = {lock_timeout_s * 1000:.0f}")

    def claim_migration(self, connection: Connection) -> bool:
        return bool(connection.exec_driver_sql(_CLAIM_MIGRATION).scalar_one())

    def met_a_lock(self, error: DBAPIError) -> bool:
        return getattr(error.orig, "sqlstate", None) in _MET_A_LOCK

    def lock_holders(self, connection: Connection) -> Callable[[Connection], list[str]]:
        pid = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()

        def look(other: Connection) -> list[str]:
            return [str(each) for each in other.execute(_LOCK_HOLDERS, {"pid": pid}).scalars()]

        return look

    def claim(self, connection: Connection, name: int) -> bool:
        statement = text("SELECT pg_try_advisory_xact_lock(:name)")
        return bool(connection.execute(statement, {"name": name}).scalar_one())

    def insert(self, table: Table, rows: Sequence[Row], *, skip_existing: bool = False) -> Write:
        columns = tuple(rows[0])
        cached = ("insert", table.name, columns, skip_existing)
        sql = self._sql.get(cached)
        if sql is None:
            values = ", ".join(value_of(table, name) for name in columns)
            sql = self._sql[cached] = (
                f"INSERT INTO {table.name} ({', '.join(columns)}) "  # noqa: S608 -- names of our own tables
                f"SELECT {values} FROM {source(table, columns)}"
                f"{' ON CONFLICT DO NOTHING' if skip_existing else ''}"
            )
        return Write(sql, travelling(table, with_sealed(table, rows, self._compiler)))

    def update(
        self,
        table: Table,
        key: tuple[str, ...],
        rows: Sequence[Row],
        *,
        raised: str | None = None,
        cleared: str | None = None,
    ) -> Write:
        columns = tuple(rows[0])
        cached = ("update", table.name, key, columns, raised, cleared)
        sql = self._sql.get(cached)
        if sql is None:
            written = [name for name in columns if name not in key]
            assigned = [f"{name} = {value_of(table, name)}" for name in written]
            assigned += [f"{raised} = v.{raised} + 1"] if raised else []
            assigned += [f"{cleared} = NULL"] if cleared else []
            assignments = ", ".join(assigned)
            matches = " AND ".join(f"{table.name}.{name} = v.{name}" for name in key)
            sql = self._sql[cached] = (
                f"UPDATE {table.name} SET {assignments} "  # noqa: S608 -- names of our own tables
                f"FROM {source(table, columns, key)} WHERE {matches}"
            )
        return Write(sql, travelling(table, with_sealed(table, rows, self._compiler), key))

    def delete(self, table: Table, key: str, values: Sequence[Any]) -> Write:
        sql = f"DELETE FROM {table.name} WHERE {key} = ANY(%s)"  # noqa: S608
        return Write(sql, [list(values)])

    def upsert(self, table: Table, key: tuple[str, ...], update: tuple[str, ...]) -> Insert:
        statement = postgresql.insert(table)
        if not update:
            return statement.on_conflict_do_nothing(index_elements=key)
        return statement.on_conflict_do_update(
            index_elements=key, set_={name: statement.excluded[name] for name in update}
        )

    def rows_as_table(self, name: str, types: Mapping[str, TypeEngine[Any]]) -> FromClause:
        rows = func.json_to_recordset(cast(bindparam(name), JSON(none_as_null=True)))
        columns = [column(key, type_) for key, type_ in types.items()]
        return rows.table_valued(*columns, name=name).render_derived(with_types=True)

    def rows_of_each(
        self, name: str, types: Mapping[str, TypeEngine[Any]], build: QueryForEach
    ) -> RowsOfEach:
        given = self.rows_as_table(name, types)
        found = build({key: given.c[key] for key in types}).lateral("found")
        query = select(found).select_from(given.join(found, true())).limit(bindparam("most"))

        def run(connection: Connection, rows: Sequence[Row], limit: int) -> list[dict[str, Any]]:
            parameters = {**self.rows_parameters(name, rows), "most": limit}
            return plain_rows(connection.execute(query, parameters))

        return run

    def send(self, connection: Connection, writes: Sequence[Write], *, commit: bool) -> None:
        driver: Any = connection.connection.driver_connection
        with driver.pipeline(), driver.cursor() as cursor:
            for write in writes:
                cursor.execute(write.sql, write.parameters)
            if commit:
                failpoint("database.writing")
                driver.commit()

    def end_stranded(self, connection: Connection, after_s: float) -> list[dict[str, Any]]:
        given = {"application": _APPLICATION, "after": after_s}
        pids = [row.pid for row in connection.execute(_LOOK_FOR_STRANDED, given)]
        if not pids:
            return []
        return plain_rows(connection.execute(_END_STRANDED, {**given, "pids": pids}))

    def feed_key(self, events: Table) -> ColumnElement[int]:
        return events.c.feed_key

    def feed_end(self, events: Table) -> ColumnElement[int]:
        # Every transaction before the oldest that is still running has ended.
        return literal_column(_FEED_END, BigInteger())

    def mend_feed(self, connection: Connection) -> None:
        # A restored dump has the numbers of transactions of another cluster, which may be ahead.
        behind = connection.exec_driver_sql(_FEED_BEHIND).scalar_one()
        if behind is not None and behind > 0:
            connection.exec_driver_sql(feed_offset(behind))

    def begin_search(self, connection: Connection) -> None:
        for setting in _SEARCHING:
            connection.exec_driver_sql(f"SET LOCAL {setting}")

    def begin_snapshot(self, connection: Connection) -> None:
        connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        for setting in _EXAMINING:
            connection.exec_driver_sql(f"SET LOCAL {setting}")

    def json_array_has(self, array: ColumnElement[Any], text: str) -> ColumnElement[bool]:
        # The first condition lets the partial index of rows that have any be used.
        return and_(
            array != literal_column("'[]'::jsonb"),
            type_coerce(array, postgresql.JSONB).contains([text]),
        )

    def next_ticket_numbers(self, connection: Connection, count: int) -> list[int]:
        return list(connection.execute(_NEXT_NUMBERS, {"count": count}).scalars())

    def pass_ticket_number(self, connection: Connection, number: int) -> None:
        # Hence the margin: a number fetched between reading and setting must not come again.
        statement = text(
            "SELECT setval('ticket_numbers', :number + 1000) FROM ticket_numbers "
            "WHERE last_value <= :number"
        )
        connection.execute(statement, {"number": number})


def feed_offset(offset: int) -> str:
    """Return the statement that sets what feed keys have above the numbers of transactions."""
    return (
        "CREATE OR REPLACE FUNCTION feed_offset() RETURNS bigint LANGUAGE sql STABLE "
        f"PARALLEL SAFE AS 'SELECT {int(offset)}::bigint'"
    )


def _forget_old_plans(driver: Any, record: Any, _: object) -> None:
    """Let the statements of a pooled connection be planned again for tables as they are now."""
    now = monotonic()
    if now - record.info.setdefault("planned_at", now) > REPLAN_S:
        record.info["planned_at"] = now
        # Past the driver, which would begin a transaction. An error shows in the next statement.
        driver.pgconn.exec_(b"DISCARD PLANS")


def _meet(driver: Any, _: object) -> None:
    """Tell a new connection how the arrays of a batch are written."""
    driver.adapters.register_dumper(TextArray, TextArrayDumper)
