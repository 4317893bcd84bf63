"""The database: whether it answers, is what this release needs, and keeps what it promises."""

import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from statistics import median
from time import perf_counter

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from services.cli.database_file import missing_file
from services.cli.doctor import copies, sealing
from services.cli.doctor.finding import Finding, error, note, ok, warning
from shared.db.compatibility import SchemaState
from shared.db.engine import Database
from shared.db.models import Base
from shared.db.schema import state
from shared.settings import Settings

#: pg_current_snapshot (13); RETURNING, UPDATE … FROM and MATERIALIZED (3.35).
OLDEST_POSTGRESQL, OLDEST_SQLITE = 130_000, (3, 35, 0)
#: A round trip, in milliseconds, above which every batch feels it.
SLOW_MS = 10.0
#: Clocks apart, in seconds: what is noticed, and what a lease does not bear.
APART_S, TOO_FAR_APART_S = 1.0, 5.0
#: A transaction that has been open for so long holds back vacuum, and one that writes the feed.
LONG_S = 600

_DURABLE = {
    "fsync": "after a power cut the database may be broken",
    "full_page_writes": "after a power cut the database may be broken",
    "synchronous_commit": "tickets that were answered with 201 are lost when the server dies",
}


def examine(settings: Settings, database: Database) -> Iterator[Finding]:
    """Yield findings about a database that answers; raises Unavailable for one that does not."""
    file = missing_file(settings)
    if file is not None:
        yield error(
            f"there is no database at {file} yet",
            "no process starts without one, but patchbay serve, which makes it",
            "patchbay serve or patchbay migrate; or mend PATCHBAY_DATABASE_URL",
        )
        return
    with database.reading() as connection:
        yield from _version(connection)
        yield _latency(connection)
    schema = state(database)
    yield _schema(schema)
    yield _writable(database, exists=schema.current is not None)
    if schema.fits:
        yield from sealing.examine(settings, database)
    if database.engine.dialect.name == "postgresql":
        with database.reading() as connection:
            yield from _postgresql(connection, settings, exists=schema.fits)


def _schema(schema: SchemaState) -> Finding:
    if schema.current == schema.newest:
        return ok(f"the schema is {schema.newest}")
    if schema.fits:
        return ok(f"the schema is {schema.current}, of a later release, and works with this one")
    if schema.behind:
        return error(
            f"the schema is {schema.current or 'not there'}, this release needs {schema.newest}",
            "no process starts on it",
            "back the database up and run: patchbay migrate",
        )
    return error(
        f"the schema is {schema.current}, of a later release, and this one knows {schema.newest}",
        "no process of this release starts on it",
        "install the release that made it, or a later one",
    )


def _version(connection: Connection) -> Iterator[Finding]:
    if connection.dialect.name == "sqlite":
        found = f"SQLite {sqlite3.sqlite_version}"
        old = sqlite3.sqlite_version_info < OLDEST_SQLITE
    else:
        found = f"PostgreSQL {connection.exec_driver_sql('SHOW server_version').scalar_one()}"
        number = connection.exec_driver_sql("SHOW server_version_num").scalar_one()
        old = int(number) < OLDEST_POSTGRESQL
    if old:
        yield error(
            f"{found} is too old",
            "statements of this release are refused",
            "upgrade to PostgreSQL 13 or SQLite 3.35, or later",
        )
    else:
        yield ok(found)


def _latency(connection: Connection) -> Finding:
    taken = []
    for _ in range(9):
        started = perf_counter()
        connection.exec_driver_sql("SELECT 1")
        taken.append((perf_counter() - started) * 1000)
    found = median(taken)
    what = f"a round trip takes {found:.1f} ms"
    if found > SLOW_MS:
        return warning(
            what,
            "every request and every batch waits for several",
            "run the services next to the database",
        )
    return ok(what)


def _writable(database: Database, *, exists: bool) -> Finding:
    try:
        with database.engine.begin() as connection:
            if exists:
                connection.execute(text("UPDATE leases SET holder = holder WHERE name IS NULL"))
    except DBAPIError as fault:
        return error(
            f"the database cannot be written to: {str(fault.orig).partition(chr(10))[0]}",
            "no ticket can be stored",
            "connect to the primary, with a role that owns the tables; see that the disk has room",
        )
    return ok("the database can be written to")


def _postgresql(connection: Connection, settings: Settings, *, exists: bool) -> Iterator[Finding]:
    yield _clock(connection)
    yield from _settings(connection)
    yield _connections(connection, settings)
    yield from _long_transactions(connection)
    yield from copies.examine(connection)
    if exists:
        yield _permissions(connection)


def _clock(connection: Connection) -> Finding:
    before = datetime.now(UTC)
    theirs: datetime = connection.exec_driver_sql("SELECT clock_timestamp()").scalar_one()
    after = datetime.now(UTC)
    apart = abs((theirs - (before + (after - before) / 2)).total_seconds())
    what = f"the clocks of this machine and the database are {apart:.2f} s apart"
    why = "leases end too early or too late, and events are not in the order of their times"
    if apart > TOO_FAR_APART_S:
        return error(what, why, "run NTP on both")
    if apart > APART_S:
        return warning(what, why, "run NTP on both")
    return ok(what)


def _settings(connection: Connection) -> Iterator[Finding]:
    for name, why in _DURABLE.items():
        if connection.exec_driver_sql(f"SHOW {name}").scalar_one() == "off":
            yield error(f"{name} is off", why, f"turn {name} on")
    if connection.exec_driver_sql("SHOW autovacuum").scalar_one() == "off":
        yield warning(
            "autovacuum is off",
            "work lists grow with every row that was handled, and get slower and slower",
            "turn autovacuum on",
        )
    if connection.exec_driver_sql("SHOW server_encoding").scalar_one() != "UTF8":
        yield error(
            "the database is not in UTF8",
            "what customers write cannot be stored",
            "make a database with ENCODING 'UTF8' and move there",
        )


def _connections(connection: Connection, settings: Settings) -> Finding:
    most = int(connection.exec_driver_sql("SHOW max_connections").scalar_one())
    reserved = int(connection.exec_driver_sql("SHOW superuser_reserved_connections").scalar_one())
    query = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'"
    used = int(connection.exec_driver_sql(query).scalar_one())
    # One of each: intake, router, notifier. Only you know how many there are.
    needed = 3 * settings.database_pool_size
    what = (
        f"{used} of {most - reserved} connections are in use; each process takes up to "
        f"{settings.database_pool_size}"
    )
    why = "a process that gets no connection answers 503"
    way_out = "lower PATCHBAY_DATABASE_POOL_SIZE, or raise max_connections of PostgreSQL"
    if needed > most - reserved:
        return error(what, why, way_out)
    if used > 0.8 * (most - reserved):
        return warning(what, why, way_out)
    return ok(what)


def _long_transactions(connection: Connection) -> Iterator[Finding]:
    query = text(
        "SELECT pid, application_name, extract(epoch FROM now() - xact_start)::int AS seconds "
        "FROM pg_stat_activity WHERE backend_type = 'client backend' "
        "AND xact_start < now() - make_interval(secs => :long) ORDER BY xact_start LIMIT 3"
    )
    for row in connection.execute(query, {"long": LONG_S}):
        yield warning(
            f"a transaction of {row.application_name or 'somebody'} (pid {row.pid}) is open for "
            f"{row.seconds} s",
            "vacuum cannot clean up behind the work lists, and the event feed may be held back",
            f"end it, or: SELECT pg_terminate_backend({row.pid})",
        )


def _permissions(connection: Connection) -> Finding:
    missing = []
    query = text("SELECT has_table_privilege(:name, :privilege)")
    for table in Base.metadata.sorted_tables:
        # One privilege is enough for the function to say yes: each is asked for alone.
        for privilege in ("SELECT", "INSERT", "UPDATE", "DELETE"):
            given = {"name": table.name, "privilege": privilege}
            if not connection.execute(query, given).scalar_one():
                missing.append(f"{privilege} on {table.name}")
    sequence = text("SELECT has_sequence_privilege('ticket_numbers', 'USAGE')")
    if not connection.execute(sequence).scalar_one():
        missing.append("USAGE on ticket_numbers")
    if missing:
        return error(
            f"the role may not do everything: {', '.join(missing[:5])}"
            + (f" and {len(missing) - 5} more" if len(missing) > 5 else ""),
            "some requests and batches fail",
            "GRANT it, or connect as the owner of the tables",
        )
    may = "SELECT has_schema_privilege(current_schema(), 'CREATE')"
    if not connection.exec_driver_sql(may).scalar_one():
        return note(
            "the role may read and write everything, and make no tables",
            "patchbay migrate needs that, nothing else does",
            "run it as the owner of the tables",
        )
    return ok("the role may do everything")
