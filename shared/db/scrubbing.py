"""What was plain leaves no copy in the file of a SQLite database: free space, and the log.

A row that is written anew leaves its old bytes in the free space of its page, and in the
write-ahead log, until something else is written there. https://sqlite.org/pragma.html
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import event

from shared.db.engine import Database

#: A database up to this size is written anew within a second or two, which everybody waits for.
#: With a larger one services would be refused meanwhile.
VACUUM_MAX_BYTES = 256 * 1024 * 1024


@contextmanager
def overwriting(database: Database) -> Iterator[None]:
    """Let SQLite overwrite by zeros what the block frees; elsewhere nothing is different."""
    if database.engine.dialect.name != "sqlite":
        yield
        return
    database.engine.dispose()
    event.listen(database.engine, "connect", _secure)
    try:
        yield
    finally:
        event.remove(database.engine, "connect", _secure)
        database.engine.dispose()


def scrub(database: Database) -> str | None:
    """Write a SQLite database anew, without what was freed in it before.

    Returns what is left to be done by hand, and why; None if there is nothing. PostgreSQL keeps old
    rows until they are vacuumed, for which its owner chooses the time.
    """
    if database.engine.dialect.name != "sqlite":
        return "old rows stay until VACUUM FULL subscriptions, signing_keys, idempotency_keys"
    with database.engine.connect() as connection:
        # Past SQLAlchemy, which would begin a transaction: neither of the two is allowed in one.
        driver: Any = connection.connection.driver_connection
        try:
            left = _vacuum(driver)
            busy = driver.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
        except sqlite3.OperationalError as error:
            return f"the file could not be written anew ({error}); run this once more"
    if left is None and busy:
        return "others read the database, so its -wal file keeps old bytes; run this once more"
    return left


def _vacuum(driver: Any) -> str | None:
    pages, page_bytes = (
        driver.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "page_size")
    )
    if pages * page_bytes > VACUUM_MAX_BYTES:
        return "free pages of this large database may hold old bytes; VACUUM it while it is stopped"
    # The feed goes by rowids, which it may change where one is missing. None ever is: the table is
    # only appended to.
    gapless = "SELECT count(*) = coalesce(max(rowid), 0) FROM ticket_events"
    if not driver.execute(gapless).fetchone()[0]:
        return "events were deleted by hand, so VACUUM would renumber the feed; it was left out"
    driver.execute("VACUUM")
    return None


def _secure(connection: Any, _: object) -> None:
    connection.execute("PRAGMA secure_delete=ON")
