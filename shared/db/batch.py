"""One batch of a work list: claim, handle, commit; and when it fails, one row at a time.

One bad row never fails its neighbours, and no row is lost with a failure: it rests and comes back,
or is dead and visible.
"""

from collections.abc import Callable, Sequence

from shared.db.engine import Database, Row, Transaction
from shared.db.work_list import WorkList
from shared.domain.clock import Clock
from shared.domain.errors import Unavailable
from shared.failpoints import failpoint
from shared.observability import tracing
from shared.observability.logging import get_logger

Handler = Callable[[Transaction, Sequence[Row]], None]

log = get_logger()


def run_batch(
    database: Database, clock: Clock, work_list: WorkList, handle: Handler, limit: int
) -> int:
    """Claim up to `limit` rows, hand them to `handle` inside one transaction; return how many.

    `handle` must leave no row ready. When it raises, the transaction is rolled back and the rows
    are handled one by one. Unavailable passes through: a database that is down is no row's fault.
    """
    claimed: list[Row] = []
    try:
        with database.transaction() as tx:
            claimed = work_list.claim(tx, clock.now(), limit)
            if claimed:
                tracing.claimed(claimed)
                handle(tx, claimed)
    except Unavailable:
        raise
    except Exception as error:  # noqa: BLE001 -- whatever it is, the rows are kept
        tracing.batch_failed(error)
        log.warning("batch.failed", list=work_list.name, rows=len(claimed), error=repr(error))
        failpoint("batch.failed")
        for row in claimed:
            _run_alone(database, clock, work_list, handle, row)
    return len(claimed)


def _run_alone(
    database: Database, clock: Clock, work_list: WorkList, handle: Handler, row: Row
) -> None:
    key = row[work_list.key]
    try:
        with database.transaction() as tx:
            again = work_list.claim(tx, clock.now(), 1, only=[key])
            if again:
                handle(tx, again)
    except Unavailable:
        raise
    except Exception as error:
        log.exception("row.failed", list=work_list.name, key=key)
        with database.transaction() as tx:
            again = work_list.claim(tx, clock.now(), 1, only=[key])
            if again:
                work_list.fail(tx, again[0], f"{type(error).__name__}: {error}", clock.now())
