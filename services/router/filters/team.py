"""Only members of the ticket's team, or of a team it may overflow to; no team is open to all."""

from collections.abc import Iterable

from services.router.filters.base import Filter, some
from services.router.model import Candidate, Context, Need
from services.router.pool import Pool


class TeamFilter(Filter):
    """Keeps a ticket within its teams."""

    name = "team"

    def reject(self, need: Need, candidate: Candidate, context: Context) -> str | None:
        """Return a reason if the candidate is in none of the teams."""
        if need.team is None or need.team in candidate.teams:
            return None
        if not candidate.teams.isdisjoint(need.overflow):
            return None
        return _reason(need)

    def stopped(
        self, need: Need, pool: Pool, among: int, context: Context
    ) -> Iterable[tuple[str, int]]:
        """Return everybody who is in none of the teams."""
        if need.team is None:
            return ()
        inside = pool.facts.teams.get(need.team, 0)
        for team in need.overflow:
            inside |= pool.facts.teams.get(team, 0)
        return some((_reason(need), among & ~inside))


def _reason(need: Need) -> str:
    return f"not in team {' or '.join((need.team or '', *need.overflow))}"
