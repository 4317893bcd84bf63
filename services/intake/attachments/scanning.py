"""Scans the files that wait for it: leased, sent to the scanner outside any transaction, settled.

A scanner that is away is no file's fault and costs it no attempt; a file that the scanner refuses
has the attempts of every work list, and stays pending, and unserved, when they are used up.
"""

from datetime import timedelta
from typing import Any

from services.intake.attachments.clamd import Clamd, ScanFailed
from shared.db.engine import Database, Row
from shared.db.work_list import MAX_ERROR_CHARS
from shared.db.work_lists import ATTACHMENTS_TO_SCAN
from shared.domain.attachment import ScanState
from shared.domain.clock import Clock
from shared.domain.errors import Unavailable
from shared.domain.work import WorkState, backoff
from shared.failpoints import failpoint
from shared.observability.logging import get_logger
from shared.storage.base import ObjectMissing, Storage

#: Files leased at a time; each is scanned after the other.
BATCH = 4
#: How long to leave a scanner alone that is away.
REST = timedelta(seconds=15)
#: Beyond the time that the scanner may take for each step.
LEASE_MARGIN = timedelta(minutes=2)

log = get_logger()


class ScanAttachments:
    """Handles one batch of the list `scanning`."""

    def __init__(
        self, database: Database, clock: Clock, storage: Storage, clamd: Clamd | None
    ) -> None:
        self._database = database
        self._clock = clock
        self._storage = storage
        self._clamd = clamd

    def __call__(self) -> int:
        """Scan up to BATCH files; return how many were taken up.

        Without a scanner what waits from times when there was one goes on waiting.
        """
        if self._clamd is None:
            return 0
        duration = timedelta(seconds=2 * BATCH * self._clamd.timeout_s) + LEASE_MARGIN
        with self._database.transaction() as tx:
            rows = ATTACHMENTS_TO_SCAN.claim(tx, self._clock.now(), BATCH)
            token = ATTACHMENTS_TO_SCAN.lease(tx, rows, self._clock.now(), duration)
        if rows:
            failpoint("scan.leased")
        for row in rows:
            outcome = self._scan(self._clamd, row)
            failpoint("scan.judged")
            with self._database.transaction() as tx:
                settled = {"id": row["id"], "lease_token": token, **outcome}
                ATTACHMENTS_TO_SCAN.settle(tx, [settled])
            failpoint("scan.recorded")
        return len(rows)

    def _scan(self, clamd: Clamd, row: Row) -> dict[str, Any]:
        """Return the columns that the scan of one file sets."""
        try:
            chunks = self._storage.read(row["storage_key"], 0, row["size"])
            finding = clamd.scan(chunks)
        except Unavailable as error:
            log.warning("attachment.not_scanned", attachment=row["id"], error=error.detail)
            at = self._clock.now() + REST
            return {"available_at": at, "attempts": row["attempts"], **_error(error)}
        except (ScanFailed, ObjectMissing) as error:
            rest = backoff(row["attempts"] + 1)
            log.warning("attachment.scan_failed", attachment=row["id"], error=str(error))
            work = WorkState.DEAD if rest is None else WorkState.READY
            at = self._clock.now() + (rest or timedelta(0))
            return {"work_state": work, "available_at": at, **_error(error)}
        if finding is not None:
            log.warning("attachment.infected", attachment=row["id"], finding=finding)
        state = ScanState.CLEAN if finding is None else ScanState.INFECTED
        done = {"work_state": WorkState.DONE, "last_error": None}
        return {"state": state, "finding": finding, **done}


def _error(error: Exception) -> dict[str, Any]:
    return {"last_error": str(error)[:MAX_ERROR_CHARS]}
