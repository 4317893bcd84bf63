"""Waiting tickets that are routed again without anything having changed for an agent.

Their need changes by itself, because a skill is dropped or another team may help; or rules or
profiles have changed.
"""

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import Connection, func, select

from services.router.look_at_waiting import look_at_waiting
from shared.db.due import is_due
from shared.db.engine import Database
from shared.db.models import Ticket
from shared.db.models.base import table
from shared.db.types import WAITING
from shared.db.work_lists import TICKETS_TO_ROUTE, WAITING_LOOKS
from shared.domain.clock import Clock
from shared.domain.work import ListName
from shared.failpoints import failpoint

_TICKETS = table(Ticket)


class WakeTickets:
    """Puts waiting tickets whose moment has come on the routing list."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        ring: Callable[[ListName], None],
        batch_size: int,
    ) -> None:
        self._database = database
        self._clock = clock
        self._ring = ring
        self._batch_size = batch_size

    def __call__(self) -> int:
        """Wake one batch; return how many tickets it had, at least 1 if there are more."""
        with self._database.transaction() as tx:
            now = self._clock.now()
            query = (
                select(_TICKETS.c.id)
                .where(_TICKETS.c.work_state == WAITING, _TICKETS.c.available_at <= now)
                .order_by(_TICKETS.c.available_at)
                .limit(self._batch_size)
                .with_for_update(skip_locked=True, key_share=True)
            )
            keys = [row["id"] for row in tx.rows(query)]
            step = look_at_waiting(tx, now, self._batch_size)
            keys += step.keys
            if keys:
                TICKETS_TO_ROUTE.wake(tx, keys, now)
        if keys:
            failpoint("wake.committed")
            self._ring(ListName.ROUTING)
        if step.at_once:
            self._ring(ListName.WAKING)
        return max(len(keys), step.unfinished)


def has_ready(connection: Connection, before: datetime) -> bool:
    """Tell whether a waiting ticket, or a look at all of them, has been due since `before`."""
    waiting = _TICKETS.c.work_state == WAITING
    woken = is_due(connection, _TICKETS.c.available_at, before, waiting)
    return woken or WAITING_LOOKS.has_ready(connection, before)


def next_due(connection: Connection, after: datetime) -> datetime | None:
    """Return when the next waiting ticket is to be woken."""
    query = select(func.min(_TICKETS.c.available_at)).where(
        _TICKETS.c.work_state == WAITING, _TICKETS.c.available_at > after
    )
    found: datetime | None = connection.execute(query).scalar_one()
    return found
