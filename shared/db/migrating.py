"""Runs migrations beside live traffic: never long in a queue for a lock, one migration at a time.

Whoever asks for an exclusive lock on a table has everybody behind it who asks later, readers too.
One long transaction ahead would so stop the whole desk. Each wait is therefore short and, when it
was in vain, given up and begun again after a rest in which those behind get through. Each migration
is a transaction of its own (PostgreSQL), so what was done stays done.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from time import monotonic

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from shared.db.compatibility import write_floor
from shared.db.engine import Database, translated
from shared.domain.errors import Unavailable

#: How often those are looked at who hold what is waited for.
LOOK_S = 0.1

Say = Callable[[str], object]


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a migration waits for others, in seconds.

    `lock_s` is one wait for a lock, during which others queue behind; `rest_s` the first rest after
    one that was in vain, doubled up to `longest_rest_s`; `total_s` all of it.
    """

    total_s: float = 300.0
    lock_s: float = 1.0
    rest_s: float = 0.5
    longest_rest_s: float = 8.0


def upgrade(database: Database, config: Config, say: Say, patience: Patience) -> None:
    """Upgrade to the newest revision of `config`; raises Unavailable when patience ends."""
    deadline = monotonic() + patience.total_s
    config.attributes.update(say=say, deadline=deadline)
    with translated(), database.engine.connect() as connection:
        database.dialect.prepare_migration(connection, patience.lock_s)
        connection.commit()
        try:
            _take_turn(database, connection, say, patience, deadline)
            _go_on(database, connection, config, say, patience, deadline)
        finally:
            # The lock and the time limits belong to the connection; it goes with them.
            connection.invalidate()


def _take_turn(
    database: Database, connection: Connection, say: Say, patience: Patience, deadline: float
) -> None:
    # No transaction is open while it waits: an index that is built concurrently waits for all there
    # are, and would wait for this one, which waits for it.
    while not database.dialect.claim_migration(connection):
        connection.rollback()
        if monotonic() > deadline:
            message = (
                f"Another patchbay migrate has been running for {patience.total_s:.0f} s or more; "
                "nothing was changed. Run it again when that one is done."
            )
            raise Unavailable(message)
        say("Another patchbay migrate is running; waiting for it.")
        threading.Event().wait(patience.rest_s)
    connection.commit()


def _go_on(
    database: Database,
    connection: Connection,
    config: Config,
    say: Say,
    patience: Patience,
    deadline: float,
) -> None:
    """Upgrade, and begin again what met a lock, until all is done."""
    rest_s = patience.rest_s
    while True:
        with _watching(database, connection) as holders:
            try:
                _upgrade(database, connection, config)
                return
            except DBAPIError as error:
                connection.rollback()
                if not database.dialect.met_a_lock(error):
                    raise
        held_by = "; ".join(holders) or "another transaction"
        if monotonic() + rest_s > deadline:
            message = (
                f"Gave up after {patience.total_s:.0f} s: a table is held by {held_by}. What is "
                "done stays; end that transaction and run patchbay migrate again."
            )
            raise Unavailable(message)
        say(f"A table is held by {held_by}. Trying again in {rest_s:g} s.")
        threading.Event().wait(rest_s)
        rest_s = min(rest_s * 2, patience.longest_rest_s)


def _upgrade(database: Database, connection: Connection, config: Config) -> None:
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
    scripts = ScriptDirectory.from_config(config)
    # Also where there was nothing to do: a schema from before there were floors gets its own.
    write_floor(connection, scripts, scripts.get_current_head())
    database.dialect.mend_feed(connection)
    connection.commit()


@contextmanager
def _watching(database: Database, connection: Connection) -> Iterator[list[str]]:
    """Keep a list of who holds what the connection waits for, as of the last time it waited.

    Once the wait is over the database no longer tells.
    """
    over, holders = threading.Event(), list[str]()
    look = database.dialect.lock_holders(connection)
    connection.commit()

    def watch() -> None:
        with database.reading() as own:
            while not over.wait(LOOK_S):
                holders[:] = look(own) or holders

    watcher = threading.Thread(target=watch, name="lock-watch", daemon=True)
    watcher.start()
    try:
        yield holders
    finally:
        over.set()
        watcher.join()
