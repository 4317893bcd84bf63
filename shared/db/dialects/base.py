"""The seam: what the data layer asks of a database beyond plain SQLAlchemy."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    FromClause,
    Insert,
    Result,
    Select,
    Table,
    UpdateBase,
)
from sqlalchemy import Dialect as SQLAlchemyDialect
from sqlalchemy.exc import DBAPIError
from sqlalchemy.types import TypeEngine

from shared.db.types import dump_json

T = TypeVar("T")

Row = Mapping[str, Any]

#: For how long a session may stand still in a transaction, with its locks, before it is ended.
LONGEST_SILENCE = timedelta(seconds=60)

#: A prepared query that is run for each of several given rows. Takes the connection, the rows, and
#: the most that it returns, first what is found for the rows that are given first.
RowsOfEach = Callable[[Connection, Sequence[Row], int], list[dict[str, Any]]]

#: Builds the query for one row, whose columns it gets by name.
QueryForEach = Callable[[Mapping[str, ColumnElement[Any]]], Select[Any]]


def plain_rows(result: Result[Any]) -> list[dict[str, Any]]:
    """Return the rows of a result as plain dictionaries."""
    names = tuple(result.keys())
    return [dict(zip(names, row, strict=True)) for row in result.all()]


@dataclass(frozen=True, slots=True)
class Write:
    """One set-based statement waiting to be sent: driver SQL and its parameters.

    `many` means a list of parameter tuples, one for each row.
    """

    sql: str
    parameters: Sequence[Any] | Mapping[str, Any]
    many: bool = False


class _Prepared:
    """A statement as the driver takes it."""

    def __init__(self, statement: UpdateBase, dialect: SQLAlchemyDialect) -> None:
        compiled = self._compiled = dialect.statement_compiler(dialect, statement)
        self._sql = str(compiled)
        late = (
            *compiled.post_compile_params,
            *compiled.literal_execute_params,
            *compiled.insert_prefetch,
            *compiled.update_prefetch,
        )
        if late:
            message = "only SQLAlchemy puts in lists (IN) and defaults that are made in Python"
            raise TypeError(f"{message}: {self._sql}")
        processors = {
            name: parameter.type.dialect_impl(dialect).bind_processor(dialect)
            for parameter, name in compiled.bind_names.items()
        }
        self._processors = {name: each for name, each in processors.items() if each is not None}

    def with_values(self, parameters: Row) -> Write:
        values: dict[str, Any] = dict(self._compiled.construct_params(dict(parameters)))
        for name, process in self._processors.items():
            values[name] = process(values[name])
        order = self._compiled.positiontup
        return Write(self._sql, values if order is None else [values[name] for name in order])


class Dialect(ABC):
    """One database. Stateless but for caches of generated SQL."""

    #: The engine's own, which knows its keys, once there is an engine.
    _compiler: SQLAlchemyDialect

    def __init__(self) -> None:
        self._sql: dict[tuple[object, ...], str] = {}
        self._built: dict[Callable[[Any], Any], Any] = {}
        self._prepared: dict[Callable[[Any], UpdateBase], _Prepared] = {}

    def once(self, build: Callable[["Dialect"], T]) -> T:
        """Return what `build`, a function of a module, makes for this database; made only once.

        For statements of batches: to put one together anew costs about as much as to run it.
        """
        if build not in self._built:
            self._built[build] = build(self)
        built: T = self._built[build]
        return built

    @abstractmethod
    def build_engine(self, url: str, pool_size: int) -> Engine:
        """Build the engine with this database's own settings; nothing connects yet."""

    def turn(self) -> AbstractContextManager[object]:
        """Return what a transaction waits for before it begins; nothing, unless overridden."""
        return nullcontext()

    def prepare_migration(self, connection: Connection, lock_timeout_s: float) -> None:  # noqa: B027 -- optional
        """Do what a migration needs before it begins; it waits for no lock longer than told."""

    def claim_migration(self, connection: Connection) -> bool:
        """Claim the right to migrate for as long as the connection lives; never waits.

        Return False if another has it. True unless overridden, as with `claim`.
        """
        return True

    @abstractmethod
    def met_a_lock(self, error: DBAPIError) -> bool:
        """Tell whether a statement failed because another transaction held what it needs."""

    def lock_holders(self, connection: Connection) -> Callable[[Connection], list[str]]:
        """Return what tells, by another connection, whom this one waits for; nobody by default."""
        return lambda _: []

    def end_stranded(self, connection: Connection, after_s: float) -> list[dict[str, Any]]:
        """End sessions of ours whose process has stood still so long within a trip; return which.

        Each has `pid`, `client` and `silent_s`. None unless overridden: where there are no
        sessions, nobody holds locks by standing still.
        """
        return []

    def claim(self, connection: Connection, name: int) -> bool:
        """Claim a name, a signed number of 64 bits, until the transaction ends; never waits.

        Return False if another transaction has it. True unless overridden: a database with one
        writer at a time has nobody to share with.
        """
        return True

    @abstractmethod
    def insert(self, table: Table, rows: Sequence[Row], *, skip_existing: bool = False) -> Write:
        """Insert all rows, which have the same keys, by one statement."""

    @abstractmethod
    def update(
        self,
        table: Table,
        key: tuple[str, ...],
        rows: Sequence[Row],
        *,
        raised: str | None = None,
        cleared: str | None = None,
    ) -> Write:
        """Set the other columns of each row where all of `key` match, by one statement.

        `raised` is a column of the key that goes up by one, such as a version; `cleared` one that
        becomes null, such as the token of a lease.
        """

    @abstractmethod
    def delete(self, table: Table, key: str, values: Sequence[Any]) -> Write:
        """Delete the rows whose `key` is one of the values, by one statement."""

    def statement(self, build: Callable[["Dialect"], UpdateBase], parameters: Row) -> Write:
        """Return the statement that `build` makes as a write; see `once`.

        Raises TypeError for one that SQLAlchemy has to complete each time: by a list (`in_`), or by
        defaults of columns that are made in Python.
        """
        if build not in self._prepared:
            self._prepared[build] = _Prepared(build(self), self._compiler)
        return self._prepared[build].with_values(parameters)

    @abstractmethod
    def upsert(self, table: Table, key: tuple[str, ...], update: tuple[str, ...]) -> Insert:
        """Return an INSERT that sets only the `update` columns where `key` exists already.

        With no `update` columns an existing row stays as it is.
        """

    @abstractmethod
    def rows_as_table(self, name: str, types: Mapping[str, TypeEngine[Any]]) -> FromClause:
        """Return a table of parameters: bind it by `rows_parameters` and join it in any query."""

    def rows_parameters(self, name: str, rows: Sequence[Row]) -> Row:
        """Return the parameter that fills a `rows_as_table` of this name."""
        return {name: dump_json(rows)}

    @abstractmethod
    def rows_of_each(
        self, name: str, types: Mapping[str, TypeEngine[Any]], build: QueryForEach
    ) -> RowsOfEach:
        """Prepare the query that `build` returns, to be run for each of several rows at once.

        The rows have the columns of `types`; the query may have an order, a limit taken from the
        row, and locks. On a database at a distance all of it is one round trip.
        """

    @abstractmethod
    def send(self, connection: Connection, writes: Sequence[Write], *, commit: bool) -> None:
        """Send writes in order, in as few round trips as can be; then commit if asked."""

    def begin_search(self, connection: Connection) -> None:  # noqa: B027 -- optional
        """Prepare a connection for one query whose values may be of any kind."""

    def begin_snapshot(self, connection: Connection) -> None:  # noqa: B027 -- optional
        """Let all reads of a transaction see one moment, and take their time."""

    @abstractmethod
    def json_array_has(self, array: ColumnElement[Any], text: str) -> ColumnElement[bool]:
        """Tell whether a column, a JSON array of texts, holds a text."""

    @abstractmethod
    def feed_key(self, events: Table) -> ColumnElement[int]:
        """Return what the feed orders events by, before ticket and sequence."""

    @abstractmethod
    def feed_end(self, events: Table) -> ColumnElement[int]:
        """Return the lowest feed key that an event may have which cannot be read yet."""

    def mend_feed(self, connection: Connection) -> None:  # noqa: B027 -- optional
        """Make new events come after all there are, also in a database that was restored."""

    @abstractmethod
    def next_ticket_numbers(self, connection: Connection, count: int) -> list[int]:
        """Return `count` fresh ticket numbers, rising."""

    @abstractmethod
    def pass_ticket_number(self, connection: Connection, number: int) -> None:
        """Let fresh ticket numbers begin after a number that a ticket brings along."""
