"""Only who is online."""

from collections.abc import Iterator

from services.router.filters.base import Filter
from services.router.model import Candidate, Context, Need
from services.router.pool import Pool
from shared.domain.agent import Presence


class PresenceFilter(Filter):
    """Keeps tickets from those who are away or offline."""

    name = "presence"

    def reject(self, need: Need, candidate: Candidate, context: Context) -> str | None:
        """Return a reason unless the candidate is online."""
        if candidate.presence is Presence.ONLINE:
            return None
        return f"is {candidate.presence}"

    def stopped(
        self, need: Need, pool: Pool, among: int, context: Context
    ) -> Iterator[tuple[str, int]]:
        """Return who is away and who is offline."""
        for presence, positions in pool.facts.presences.items():
            if presence is not Presence.ONLINE and positions & among:
                yield f"is {presence}", positions & among
