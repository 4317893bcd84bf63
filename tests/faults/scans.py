"""Scans in fault tests: every file has its verdict in the end, and the right one."""

from collections import Counter

from sqlalchemy import select

from shared.db.engine import Database, Row, rows
from shared.db.models import Attachment
from shared.db.models.base import table
from shared.domain.attachment import ScanState
from shared.waiting import wait_until
from tests.faults.traffic import INFECTED

DEADLINE_S = 30.0

_ATTACHMENTS = table(Attachment)


def prove_scanned(database: Database) -> Counter[ScanState]:
    """Wait until every file has its verdict, and show that it is right; return the verdicts."""

    def pending() -> list[Row]:
        return [row for row in _files(database) if row["state"] is ScanState.PENDING]

    wait_until(lambda: not pending(), DEADLINE_S)
    found = _files(database)
    wrong = [
        f"{row['id']} {row['name']} is {row['state']}, {row['work_state']} on the list"
        for row in found
        if row["state"] is not (ScanState.INFECTED if row["name"] == INFECTED else ScanState.CLEAN)
    ]
    assert not wrong, "\n".join(wrong)
    return Counter(row["state"] for row in found)


def _files(database: Database) -> list[Row]:
    with database.reading() as connection:
        return rows(connection, select(_ATTACHMENTS))
