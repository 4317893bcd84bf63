"""The census: the cheap core of the checks, again and again, as metrics of a desk at work."""

from datetime import datetime

from shared.db.engine import Database
from shared.db.soundness.accounting import unaccounted
from shared.db.soundness.check import Look
from shared.observability import metrics
from shared.observability.logging import get_logger

log = get_logger()


class Census:
    """Counts tickets that are nowhere. How old each work list is, `shared.db.figures` reads.

    It reads what is alive and what the lists look at, as of one moment: a change under way is seen
    whole or not at all, so that one ticket that is nowhere is one too many.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def __call__(self, now: datetime) -> int:
        """Count, and set the metrics; return how many tickets are unaccounted for."""
        with self._database.snapshot() as connection:
            look = Look(connection, self._database.dialect, now)
            lost = unaccounted(look)
        metrics.tickets_unaccounted.set(lost)
        metrics.census_at.set(now.timestamp())
        if lost:
            log.error("tickets.unaccounted", tickets=lost, way_out="patchbay verify --repair")
        return lost

    def forget(self) -> None:
        """Take back what was measured: another process counts now."""
        metrics.tickets_unaccounted.set(0)
