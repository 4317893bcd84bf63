"""Waiting tickets whose need changes by itself: a skill is dropped, another team may help."""

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import Connection, exists, func, select

from shared.db.engine import Database
from shared.db.models import Ticket
from shared.db.models.base import table
from shared.db.types import WAITING
from shared.db.work_lists import TICKETS_TO_ROUTE
from shared.domain.clock import Clock
from shared.domain.work import ListName

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
        """Wake one batch; return how many tickets it had."""
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
            if keys:
                TICKETS_TO_ROUTE.wake(tx, keys, now)
        if keys:
            self._ring(ListName.ROUTING)
        return len(keys)


def has_ready(connection: Connection, before: datetime) -> bool:
    """Tell whether a waiting ticket should have been woken since `before`."""
    due = select(_TICKETS.c.id).where(
        _TICKETS.c.work_state == WAITING, _TICKETS.c.available_at <= before
    )
    return bool(connection.execute(select(exists(due))).scalar_one())


def next_due(connection: Connection, after: datetime) -> datetime | None:
    """Return when the next waiting ticket is to be woken."""
    query = select(func.min(_TICKETS.c.available_at)).where(
        _TICKETS.c.work_state == WAITING, _TICKETS.c.available_at > after
    )
    found: datetime | None = connection.execute(query).scalar_one()
    return found
