"""Which releases work on which schema, so that old and new processes may run side by side.

A migration says in `compatible_with` the oldest revision whose code works on what it leaves; one
that says nothing works with its own code only. The highest of these over all migrations is the
floor of a schema. It stands beside the revision in `alembic_version`, written by the transaction of
the migration, because a release of before does not know the migrations that came after it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text

_TABLE, _COLUMN = "alembic_version", "floor"


@dataclass(frozen=True, slots=True)
class SchemaState:
    """A database's revision (None: empty) and floor (None: not known), and ours, oldest first."""

    current: str | None
    floor: str | None
    own: Sequence[str]

    @property
    def newest(self) -> str:
        """The revision that this release's migrations lead to."""
        return self.own[-1]

    @property
    def behind(self) -> bool:
        """Whether this release's migrations have something to do."""
        return self.current is None or self.current in self.own[:-1]

    @property
    def fits(self) -> bool:
        """Whether this release works on it: its own, or a later one whose floor allows it."""
        return self.current == self.newest or (not self.behind and self.floor in self.own)


def floor_of(own: Sequence[str], stated: Iterable[tuple[str, str | None]]) -> str | None:
    """Return the floor of a schema: the highest of what its migrations state.

    `own` are the revisions, oldest first; `stated` pairs each migration that the schema has with
    its `compatible_with`. None without migrations. Raises ValueError for a revision that is none.
    """
    places = [own.index(stated_ or revision) for revision, stated_ in stated]
    return own[max(places)] if places else None


def own_revisions(scripts: ScriptDirectory) -> list[str]:
    """Return the revisions of this release, oldest first."""
    return [script.revision for script in scripts.walk_revisions()][::-1]


def read_state(connection: Connection, scripts: ScriptDirectory) -> SchemaState:
    """Return how a database stands to this release."""
    current = MigrationContext.configure(connection).get_current_revision()
    floor = None
    if current is not None and _has_column(connection):
        floor = connection.exec_driver_sql(f"SELECT {_COLUMN} FROM {_TABLE}").scalar()  # noqa: S608
    return SchemaState(current, floor, own_revisions(scripts))


def write_floor(connection: Connection, scripts: ScriptDirectory, head: str | None) -> None:
    """Write the floor of the schema at `head` (None: no schema any more)."""
    if not _has_column(connection):
        connection.exec_driver_sql(f"ALTER TABLE {_TABLE} ADD COLUMN {_COLUMN} TEXT")
    own = own_revisions(scripts)
    has = own[: own.index(head) + 1] if head is not None else []
    modules = ((each, scripts.get_revision(each)) for each in has)
    stated = [(each, getattr(script.module, "compatible_with", None)) for each, script in modules]
    change = text(f"UPDATE {_TABLE} SET {_COLUMN} = :floor")  # noqa: S608
    connection.execute(change, {"floor": floor_of(own, stated)})


def _has_column(connection: Connection) -> bool:
    columns = inspect(connection).get_columns(_TABLE)
    return any(each["name"] == _COLUMN for each in columns)
