"""Only who has room left for what the ticket weighs."""

from collections.abc import Iterable

from services.router.filters.base import Filter, some
from services.router.model import Candidate, Context, Need
from services.router.pool import Pool


class CapacityFilter(Filter):
    """Keeps tickets from those whose load would exceed their capacity."""

    name = "capacity"
    moves = True

    def reject(self, need: Need, candidate: Candidate, context: Context) -> str | None:
        """Return a reason if there is no room."""
        return _reason(need) if candidate.load + need.weight > candidate.capacity else None

    def stopped(
        self, need: Need, pool: Pool, among: int, context: Context
    ) -> Iterable[tuple[str, int]]:
        """Return who is full."""
        return some((_reason(need), pool.full(need.weight) & among))


def _reason(need: Need) -> str:
    return "is at capacity" if need.weight == 1 else f"has no room for {need.weight}"
