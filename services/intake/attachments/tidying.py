"""What nobody will ask for again: uploads that expired, and contents that no row refers to.

A crash between storing a content and writing its row leaves such a content; so do an upload that
was sent twice, and a delete whose storage was away.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import islice

from services.intake.attachments import repository
from shared.db.engine import Database
from shared.domain.errors import Unavailable
from shared.observability.logging import get_logger
from shared.storage.base import Storage
from shared.storage.spool import discard_leftovers

#: A content younger than this may belong to a row that is about to be written, and a file that
#: began to arrive later than this may still be arriving.
GRACE = timedelta(hours=6)
#: Contents that are looked up at a time.
CHUNK = 500

log = get_logger()


def tidy_up(database: Database, storage: Storage, now: datetime) -> int:
    """Delete what is left over; return how many contents that was.

    A storage that is away is looked at again the next time.
    """
    try:
        return _tidy_up(database, storage, now)
    except Unavailable as error:
        log.warning("attachments.not_tidied", error=error.detail)
        return 0


def _tidy_up(database: Database, storage: Storage, now: datetime) -> int:
    before = now - GRACE
    repository.forget_uploads(database, now)
    discard_leftovers(storage.incoming, before)
    old = (each.key for each in storage.objects() if each.written_at < before)
    removed = 0
    for keys in _chunks(old):
        orphans = sorted(set(keys) - repository.owned_keys(database, keys))
        storage.delete(orphans)
        removed += len(orphans)
    if removed:
        log.info("attachments.orphans_removed", count=removed)
    return removed


def _chunks(keys: Iterator[str]) -> Iterator[list[str]]:
    while some := list(islice(keys, CHUNK)):
        yield some
