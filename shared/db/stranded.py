"""Sessions whose process stands still in the middle of a trip: they are ended, and their locks.

PostgreSQL ends a session that is idle in a transaction by itself. One that was sent writes, and not
the end of the trip (Sync; PostgreSQL's manual, "Pipeline Mode" of libpq), is not idle: it waits for
the rest as `active`, which no timeout ends before `transaction_timeout` of PostgreSQL 17. Nor does
any end one whose answer nobody takes. A process that is frozen there (SIGSTOP, a paused virtual
machine) would hold its rows for as long.
"""

from datetime import timedelta

from shared.db.dialects.base import LONGEST_SILENCE
from shared.db.engine import Database
from shared.observability.logging import get_logger

EVERY = timedelta(seconds=10)

log = get_logger()


def end_stranded(database: Database, after: timedelta = LONGEST_SILENCE) -> int:
    """End what has stood still so long; return how many sessions that was."""
    with database.reading() as connection:
        ended = database.dialect.end_stranded(connection, after.total_seconds())
    for each in ended:
        log.warning("database.stranded_ended", **each)
    return len(ended)
