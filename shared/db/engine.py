"""A database as the services see it: transactions that send their writes in one round trip."""

import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg
from sqlalchemy import Connection, Engine, Executable, Result, Table, UpdateBase
from sqlalchemy.exc import DBAPIError, StatementError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from shared.db.dialects import Dialect, dialect_for
from shared.db.dialects.base import Write, plain_rows
from shared.db.keyrings import FileKeyring, keyring_of, keyring_of_url
from shared.db.sealed_places import keys_in_use
from shared.db.sealed_types import attach
from shared.db.service_levels import ServiceLevels
from shared.domain.errors import PatchbayError, TooBroad, Unavailable
from shared.domain.sealing import Keyring
from shared.failpoints import failpoint
from shared.observability import tracing
from shared.settings import Settings

#: A row as read: column names and Python values.
Row = dict[str, Any]


def rows(
    connection: Connection, statement: Executable, parameters: Mapping[str, Any] | None = None
) -> list[Row]:
    """Run a query and return its rows as plain dictionaries."""
    return plain_rows(connection.execute(statement, parameters or {}))


def first(connection: Connection, statement: Executable) -> Row | None:
    """Run a query and return its first row, or None."""
    found = rows(connection, statement)
    return found[0] if found else None


class Transaction:
    """One transaction: reads happen at once, writes are collected.

    Writes are sent before the next read or, with the commit, at the end. A batch therefore costs as
    many round trips as it has reads, plus one.
    """

    def __init__(
        self, connection: Connection, dialect: Dialect, service_levels: ServiceLevels
    ) -> None:
        self.connection = connection
        self.dialect = dialect
        self.service_levels = service_levels
        #: The columns of tickets whose clocks were moved in this transaction, by id: whoever
        #: changes a ticket twice may hold the row as it was before the first change.
        self.clocks: dict[str, Mapping[str, Any]] = {}
        self._writes: list[Write] = []
        #: What is called after the commit; see `once_committed`.
        self.afterwards: list[Callable[[], None]] = []

    def once_committed(self, call: Callable[[], None]) -> None:
        """Call when the transaction is committed, and never if it is not.

        For what tells of it and must not fail: nobody could take the transaction back then.
        """
        self.afterwards.append(call)

    def execute(
        self, statement: Executable, parameters: Mapping[str, Any] | None = None
    ) -> Result[Any]:
        """Run a statement now and return its rows; pending writes go first."""
        self._flush(commit=False)
        return self.connection.execute(statement, parameters or {})

    def rows(self, statement: Executable, parameters: Mapping[str, Any] | None = None) -> list[Row]:
        """Run a query now and return its rows as plain dictionaries; pending writes go first."""
        self._flush(commit=False)
        return rows(self.connection, statement, parameters)

    def first(self, statement: Executable) -> Row | None:
        """Run a query now and return its first row, or None; pending writes go first."""
        self._flush(commit=False)
        return first(self.connection, statement)

    def insert(self, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
        """Insert rows, all with the same keys. Violated constraints surface when it is sent."""
        if rows:
            self._writes.append(self.dialect.insert(table, rows))

    def insert_new(self, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
        """Insert rows, leaving out those whose primary key exists already."""
        if rows:
            self._writes.append(self.dialect.insert(table, rows, skip_existing=True))

    def update(
        self,
        table: Table,
        rows: Sequence[Mapping[str, Any]],
        key: tuple[str, ...] = ("id",),
        *,
        raised: str | None = None,
        cleared: str | None = None,
    ) -> None:
        """Update one row of the table for each given row, matched by the columns of `key`.

        `raised` is a column of the key that goes up by one: a row whose version is another by now
        stays as it is. `cleared` is one that becomes null.
        """
        if rows:
            write = self.dialect.update(table, key, rows, raised=raised, cleared=cleared)
            self._writes.append(write)

    def delete(self, table: Table, values: Sequence[Any], key: str = "id") -> None:
        """Delete the rows whose `key` is one of the values."""
        if values:
            self._writes.append(self.dialect.delete(table, key, values))

    def write(self, build: Callable[[Dialect], UpdateBase], parameters: Mapping[str, Any]) -> None:
        """Run a statement that returns nothing, with the other writes; it is built only once."""
        self._writes.append(self.dialect.statement(build, parameters))

    def claim(self, name: int) -> bool:
        """Claim a name until the end of the transaction; False if another transaction has it."""
        return self.dialect.claim(self.connection, name)

    def flushed(self) -> Connection:
        """Send what is pending, and return the connection to read it by."""
        self._flush(commit=False)
        return self.connection

    def commit(self) -> None:
        """Send what is pending and commit, in one round trip where the driver can."""
        self._flush(commit=True)

    def _flush(self, *, commit: bool) -> None:
        writes, self._writes = self._writes, []
        if not writes:
            return
        driver_error = self.connection.dialect.loaded_dbapi.Error
        try:
            with _sending(self.connection, writes):
                self.dialect.send(self.connection, writes, commit=commit)
        except driver_error as error:
            # These statements went past SQLAlchemy; its error types, and its care for a connection
            # that died, are given back here.
            driver: Any = self.connection.connection.driver_connection
            lost = self.connection.dialect.is_disconnect(error, driver, None)
            if lost:
                self.connection.invalidate(error)
            raise DBAPIError.instance(
                None,
                None,
                error,
                driver_error,
                connection_invalidated=lost,
                dialect=self.connection.dialect,
            ) from error


def _sending(connection: Connection, writes: Sequence[Write]) -> tracing.Span:
    if not tracing.on():
        return tracing.NOTHING
    attributes: tracing.Attributes = {
        "db.system.name": connection.dialect.name,
        "db.operation.name": "BATCH",
        "db.operation.batch.size": len(writes),
    }
    return tracing.inner("BATCH", tracing.Kind.CLIENT, attributes)


class Database:
    """Hands out transactions; knows which database it is so that nobody else has to."""

    def __init__(self, url: str, pool_size: int = 10, keyring: Keyring | None = None) -> None:
        self.url = url
        self.dialect = dialect_for(url)
        self.engine: Engine = self.dialect.build_engine(url, pool_size)
        #: What secrets are sealed with; without a given one that of a database without settings.
        self.keyring = keyring_of_url(url) if keyring is None else keyring
        attach(self.engine, self.keyring)
        if isinstance(self.keyring, FileKeyring):
            self.keyring.guard(self._keys_in_use)
        self.service_levels = ServiceLevels()
        #: How many connections there may be; 0 where there is no bound.
        self.pool_bound = pool_size if self.engine.dialect.name == "postgresql" else 0

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """Open a transaction that commits at the end of the block and rolls back on an error.

        Raises Unavailable when the database cannot be reached or went away: nothing was changed, or
        nobody knows whether the commit got through.
        """
        with self.dialect.turn(), translated(), self.engine.begin() as connection:
            transaction = Transaction(connection, self.dialect, self.service_levels)
            yield transaction
            transaction.commit()
        failpoint("database.committed")
        for call in transaction.afterwards:
            call()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Open a connection that only reads: no write lock on SQLite, no BEGIN on PostgreSQL."""
        with translated(), self.engine.connect() as connection:
            if self.engine.dialect.name == "postgresql":
                yield connection.execution_options(isolation_level="AUTOCOMMIT")
            else:
                yield connection.execution_options(patchbay_reading=True)

    @contextmanager
    def searching(self) -> Iterator[Connection]:
        """Open a connection for a list or a search: planned for its values, and bounded in time.

        Raises TooBroad when the time is over.
        """
        with translated(), self.engine.connect() as connection:
            reading = connection.execution_options(patchbay_reading=True)
            self.dialect.begin_search(reading)
            yield reading

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """Open a connection that only reads, and whose reads all see the same moment.

        Its statements may take as long as they need. It holds no lock that anybody waits for, and
        it must not be kept for long: what is deleted meanwhile stays in the files of the database.
        """
        with translated(), self.engine.connect() as connection:
            reading = connection.execution_options(patchbay_reading=True)
            self.dialect.begin_snapshot(reading)
            yield reading

    def _keys_in_use(self) -> frozenset[str]:
        """Return the ids of the keys that secrets are sealed by."""
        with self.reading() as connection:
            found = keys_in_use(connection)
        return frozenset(key for counted in found.values() for key in counted if key is not None)

    def close(self) -> None:
        """Close every pooled connection."""
        self.engine.dispose()


def open_database(settings: Settings, pool_size: int = 10) -> Database:
    """Return the database of an installation, with its keys. Nothing connects yet."""
    return Database(settings.database_url, pool_size, keyring_of(settings))


@contextmanager
def translated() -> Iterator[None]:
    """Turn the driver's ways of saying “not now” into Unavailable; other errors pass as they are.

    Not now means that nobody is to blame but the moment: no connection, a lost one, a lock that
    another transaction holds. An error of the data itself must not look like that, or the row that
    causes it would be tried for ever.
    """
    try:
        yield
    except PoolTimeout as error:
        message = "All database connections are busy."
        raise Unavailable(message) from error
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) == _TIMED_OUT:
            message = "This takes too long; ask for less, by more filters."
            raise TooBroad(message) from error
        if error.connection_invalidated or _passing(error.orig):
            message = "The database cannot be reached, or is too busy to answer."
            raise Unavailable(message) from error
        raise
    except StatementError as error:
        # A secret that cannot be sealed says itself why.
        if isinstance(error.orig, PatchbayError):
            raise error.orig from error
        raise
    except psycopg.Error as error:
        # SQLAlchemy sets the isolation level past its own translation of errors, and a pooled
        # connection may have died since.
        if _passing(error):
            message = "The connection to the database is lost."
            raise Unavailable(message) from error
        raise


#: SQLSTATE classes and codes that pass: connection, operator intervention, too many connections,
#: serialization, deadlock, lock not available. (PostgreSQL, appendix A.)
_TIMED_OUT = "57014"
_PASSING_STATES = ("08", "57P", "53300", "40001", "40P01", "55P03")
#: What SQLite says when it is in use or its disk fails.
_PASSING_WORDS = ("locked", "busy", "disk i/o", "unable to open", "disk is full")


def _passing(error: BaseException | None) -> bool:
    state = getattr(error, "sqlstate", None)
    if state is not None:
        return str(state).startswith(_PASSING_STATES)
    if isinstance(error, sqlite3.OperationalError):
        return any(word in str(error).lower() for word in _PASSING_WORDS)
    # Without a state the server never answered.
    return type(error).__name__ in ("OperationalError", "InterfaceError", "ConnectionTimeout")
