"""Not who declined the ticket, nor whom the profile excludes."""

from collections.abc import Iterator, Sequence

from services.router.filters.base import Filter, some
from services.router.model import Candidate, Context, Need
from services.router.pool import Pool

_DECLINED = "declined it"
_EXCLUDED = "is excluded by the profile"


class ExcludedFilter(Filter):
    """Keeps a ticket from those who declined it, and from `agents`, the ids that are excluded."""

    name = "excluded"

    def __init__(self, agents: Sequence[str] = ()) -> None:
        self._agents = tuple(agents)

    def reject(self, need: Need, candidate: Candidate, context: Context) -> str | None:
        """Return a reason if the candidate is excluded or declined."""
        if candidate.id in self._agents:
            return _EXCLUDED
        return _DECLINED if candidate.id in need.excluded else None

    def stopped(
        self, need: Need, pool: Pool, among: int, context: Context
    ) -> Iterator[tuple[str, int]]:
        """Return who is excluded and who declined."""
        excluded = pool.named(self._agents) & among if self._agents else 0
        declined = pool.named(need.excluded) & among & ~excluded if need.excluded else 0
        return some((_EXCLUDED, excluded), (_DECLINED, declined))
