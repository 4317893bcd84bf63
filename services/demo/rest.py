"""Waits until everything has come to rest: nobody works on anything and no list has a row."""

import asyncio
from time import monotonic

from services.demo.crew import Crew
from services.demo.ledger import Ledger
from services.demo.truth import work_left
from shared.db.engine import Database

#: How often to ask, and how long nothing at all may move before waiting is given up; what is left
#: then is a finding of the audit.
LOOK_S = 0.2
STALLED_AFTER_S = 30.0


async def wait_for_rest(database: Database, crew: Crew, ledger: Ledger) -> None:
    """Return when nothing is left to do, or when nothing has moved for STALLED_AFTER_S."""
    last: object = None
    moved_at = monotonic()
    while True:
        begun = crew.begun
        left = {} if crew.busy else await asyncio.to_thread(_work_left, database)
        # New work can only come from the crew. If nobody began anything while the lists were read,
        # lists that were empty stay so.
        if not (crew.busy or left) and crew.begun == begun:
            return
        seen = (left, crew.begun, len(ledger.events))
        if crew.busy or seen != last:
            last, moved_at = seen, monotonic()
        elif monotonic() - moved_at > STALLED_AFTER_S:
            return
        await asyncio.sleep(LOOK_S)


def _work_left(database: Database) -> dict[str, int]:
    with database.reading() as connection:
        return work_left(connection)
