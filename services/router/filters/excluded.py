"""Not who declined the ticket or must not have it."""

from collections.abc import Iterable

from services.router.filters.base import Filter, some
from services.router.model import Candidate, Context, Need
from services.router.pool import Pool

_REASON = "declined it, or is excluded"


class ExcludedFilter(Filter):
    """Keeps a ticket from those whom it names."""

    name = "excluded"

    def reject(self, need: Need, candidate: Candidate, context: Context) -> str | None:
        """Return a reason if the ticket names the candidate."""
        return _REASON if candidate.id in need.excluded else None

    def stopped(
        self, need: Need, pool: Pool, among: int, context: Context
    ) -> Iterable[tuple[str, int]]:
        """Return whom the ticket names."""
        return some((_REASON, pool.named(need.excluded) & among)) if need.excluded else ()
