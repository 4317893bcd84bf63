"""Tickets whose time has come: a hold is over, a resolved one closes by itself."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, func, select

from shared.db import ticket_changes
from shared.db.due import is_due
from shared.db.engine import Database, Transaction
from shared.db.models import Ticket
from shared.db.models.base import table
from shared.domain.clock import Clock
from shared.domain.errors import Unavailable
from shared.domain.lifecycle import LifeRules
from shared.domain.work import ListName
from shared.failpoints import failpoint
from shared.observability import tracing
from shared.observability.logging import get_logger

ACTOR = "router"

#: How long a ticket rests that could not take its step.
REST = timedelta(minutes=10)

_TICKETS = table(Ticket)

log = get_logger()


class AdvanceTickets:
    """Takes the steps that nobody has to ask for."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        ring: Callable[[ListName], None],
        rules: LifeRules,
        batch_size: int,
    ) -> None:
        self._database = database
        self._clock = clock
        self._ring = ring
        self._rules = rules
        self._batch_size = batch_size

    def __call__(self) -> int:
        """Move one batch on; return how many it had. One that fails does not hold up the others."""
        keys: list[str] = []
        try:
            with self._database.transaction() as tx:
                keys = self._due(tx)
                self._advance(tx, keys)
        except Unavailable:
            raise
        except Exception as error:  # noqa: BLE001 -- each is tried alone
            log.warning("advance.failed", tickets=len(keys), error=repr(error))
            for key in keys:
                self._advance_alone(key)
        if keys:
            failpoint("life.committed")
            self._ring(ListName.EVENTS)
            self._ring(ListName.ROUTING)
        return len(keys)

    def _due(self, tx: Transaction) -> list[str]:
        query = (
            select(_TICKETS.c.id)
            .where(_TICKETS.c.life_due_at <= self._clock.now())
            .order_by(_TICKETS.c.life_due_at)
            .limit(self._batch_size)
            .with_for_update(skip_locked=True, key_share=True)
        )
        return [row["id"] for row in tx.rows(query)]

    def _advance(self, tx: Transaction, keys: Sequence[str]) -> None:
        due = ticket_changes.members(tx, list(keys))
        tracing.claimed(ticket for ticket, _ in due)
        ticket_changes.advance(tx, due, self._clock.now(), ACTOR, self._rules)

    def _advance_alone(self, key: str) -> None:
        try:
            with self._database.transaction() as tx:
                self._advance(tx, [key])
        except Unavailable:
            raise
        except Exception:
            log.exception("advance.ticket_failed", ticket=key)
            with self._database.transaction() as tx:
                ticket_changes.put_off(tx, key, self._clock.now() + REST)


def has_ready(connection: Connection, before: datetime) -> bool:
    """Tell whether a ticket should have moved on since `before`."""
    return is_due(connection, _TICKETS.c.life_due_at, before)


def next_due(connection: Connection, after: datetime) -> datetime | None:
    """Return when the next ticket is to move on."""
    query = select(func.min(_TICKETS.c.life_due_at)).where(_TICKETS.c.life_due_at > after)
    found: datetime | None = connection.execute(query).scalar_one()
    return found
