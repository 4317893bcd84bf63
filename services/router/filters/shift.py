"""Only who is at work now, and for long enough; who has no working hours always is."""

from collections.abc import Iterable
from datetime import timedelta

from services.router.filters.base import Filter
from services.router.model import Candidate, Context, Need
from services.router.pool import Pool


class ShiftFilter(Filter):
    """Keeps tickets from those who are off shift, or go home within `min_left_s` seconds."""

    name = "shift"

    def __init__(self, min_left_s: float = 0) -> None:
        self._min_left = timedelta(seconds=min_left_s)

    def reject(self, need: Need, candidate: Candidate, context: Context) -> str | None:
        """Return a reason if the candidate is not at work, or not for much longer."""
        if candidate.shift is None:
            return None
        left = candidate.shift.left(context.now)
        if left is None:
            return "is off shift"
        if left < self._min_left:
            return f"goes home within {self._min_left.total_seconds():g} s"
        return None

    def stopped(
        self, need: Need, pool: Pool, among: int, context: Context
    ) -> Iterable[tuple[str, int]]:
        """Ask only those who have working hours."""
        return super().stopped(need, pool, among & pool.facts.on_calendar, context)
