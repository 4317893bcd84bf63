"""The census: the cheap core of the checks, again and again, as metrics of a desk at work."""

from datetime import datetime

from shared.db.engine import Database
from shared.db.soundness.accounting import unaccounted
from shared.db.soundness.ages import ages
from shared.db.soundness.check import Look
from shared.domain.work import ListName
from shared.observability import metrics
from shared.observability.logging import get_logger

log = get_logger()


class Census:
    """Counts tickets that are nowhere, and how old each work list is.

    It reads what is alive and what the lists look at, as of one moment: a change under way is seen
    whole or not at all, so that one ticket that is nowhere is one too many.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def __call__(self, now: datetime) -> int:
        """Count, and set the metrics; return how many tickets are unaccounted for."""
        with self._database.snapshot() as connection:
            look = Look(connection, self._database.dialect, now)
            lost, oldest = unaccounted(look), ages(look)
        metrics.tickets_unaccounted.set(lost)
        for name, age_s in oldest.items():
            metrics.work_list_oldest.labels(name).set(age_s)
        metrics.census_at.set(now.timestamp())
        if lost:
            log.error("tickets.unaccounted", tickets=lost, way_out="patchbay verify --repair")
        return lost

    def forget(self) -> None:
        """Take back what was measured: another process counts now."""
        metrics.tickets_unaccounted.set(0)
        for name in ListName:
            metrics.work_list_oldest.labels(name).set(0)
