"""Attachments whose content is gone: each row is held against the storage."""

from collections.abc import Iterator
from time import perf_counter

from sqlalchemy import select

from shared.db.engine import Database, Row, rows
from shared.db.models import Attachment
from shared.db.models.base import table
from shared.db.soundness.check import Check, Finding, Result
from shared.storage.base import ObjectMissing, Storage

_ATTACHMENTS = table(Attachment)

#: Rows read at once.
BATCH = 500

CONTENTS = Check(
    "attachments-kept",
    "every file that is attached is in the storage",
    lambda _: None,
    lambda row: f"the file of attachment {row['id']} (ticket {row['ticket_id']}) is gone",
)


def missing_contents(database: Database, storage: Storage, limit: int) -> Result:
    """Look for every file in the storage; raises Unavailable when that is away."""
    started, count = perf_counter(), 0
    findings: list[Finding] = []
    for row in _files(database):
        if _is_there(storage, row) or _is_detached(database, row["id"]):
            continue
        count += 1
        if len(findings) < limit:
            findings.append(Finding(row["id"], CONTENTS.say(row)))
    return Result(CONTENTS, count, findings, perf_counter() - started)


def _files(database: Database) -> Iterator[Row]:
    columns = _ATTACHMENTS.c
    query = (
        select(columns.id, columns.ticket_id, columns.storage_key, columns.size)
        .where(columns.storage_key.is_not(None))
        .order_by(columns.id)
        .limit(BATCH)
    )
    after = ""
    while True:
        with database.reading() as connection:
            found = rows(connection, query.where(columns.id > after))
        yield from found
        if len(found) < BATCH:
            return
        after = found[-1]["id"]


def _is_there(storage: Storage, row: Row) -> bool:
    try:
        storage.read(row["storage_key"], 0, min(1, row["size"] or 0))
    except ObjectMissing:
        return False
    return True


def _is_detached(database: Database, attachment_id: str) -> bool:
    """Tell whether it was deleted since its row was read: the file goes right after the row."""
    query = select(_ATTACHMENTS.c.id).where(_ATTACHMENTS.c.id == attachment_id)
    with database.reading() as connection:
        return connection.execute(query).first() is None
