"""Clocks of service levels that are due: a warning, a breach, or a policy that changed.

The due moment is a column with an index of its own, so a breach is told when it happens and not at
the next look of a poll; the timers ring the list at that moment. It stands with the router because
it changes tickets, as waking does: the notifier only tells of what was changed.
"""

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import Connection, func, select

from shared.db import ticket_changes
from shared.db.due import is_due
from shared.db.engine import Database, Row, Transaction
from shared.db.models import ConfigurationVersion, Ticket
from shared.db.models.base import table
from shared.domain.clock import Clock
from shared.domain.errors import Unavailable
from shared.domain.work import ListName
from shared.failpoints import failpoint
from shared.observability import metrics, tracing
from shared.observability.logging import get_logger

_TICKETS, _VERSIONS = table(Ticket), table(ConfigurationVersion)

log = get_logger()


class RunClocks:
    """Moves the clocks of up to `batch_size` tickets, in one transaction."""

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
        """Move one batch; return how many tickets it had.

        When it fails, each is moved alone; one that fails again rests, and holds up no other.
        """
        claimed: list[str] = []
        try:
            return self._run(claimed)
        except Unavailable:
            raise
        except Exception as error:  # noqa: BLE001 -- whatever it is, the others go on
            log.warning("clocks.failed", tickets=len(claimed), error=repr(error))
        for ticket_id in claimed:
            self._run_alone(ticket_id)
        return len(claimed)

    def _run(self, claimed: list[str], only: list[str] | None = None) -> int:
        """Move what is due, or of that some tickets; their ids are added to `claimed`."""
        with self._database.transaction() as tx:
            now = self._clock.now()
            tickets = ticket_changes.claim_due(tx, now, self._batch_size, only=only)
            claimed += [ticket["id"] for ticket in tickets]
            tracing.claimed(tickets)
            told = self._move(tx, tickets, now) if tickets else 0
        if told:
            failpoint("sla.committed")
            self._ring(ListName.EVENTS)
        return len(tickets)

    def _move(self, tx: Transaction, tickets: list[Row], now: datetime) -> int:
        # A policy that was edited a moment ago may be why some of them are here.
        version = tx.execute(select(_VERSIONS.c.version)).scalar_one()
        tx.service_levels.book_of(tx.connection, version)
        return ticket_changes.move_clocks(tx, tickets, now)

    def _run_alone(self, ticket_id: str) -> None:
        try:
            self._run([], [ticket_id])
        except Unavailable:
            raise
        except Exception:
            log.exception("clock.failed", ticket=ticket_id)
            metrics.rows_failed.labels(ListName.SLA, "retried").inc()
            with self._database.transaction() as tx:
                ticket_changes.put_off_clocks(tx, [ticket_id], self._clock.now())


def has_ready(connection: Connection, before: datetime) -> bool:
    """Tell whether a clock has been due since `before`."""
    return is_due(connection, _TICKETS.c.sla_due_at, before)


def next_due(connection: Connection, after: datetime) -> datetime | None:
    """Return when the next clock is due."""
    query = select(func.min(_TICKETS.c.sla_due_at)).where(_TICKETS.c.sla_due_at > after)
    found: datetime | None = connection.execute(query).scalar_one()
    return found
