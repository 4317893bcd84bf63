"""Not who has a conflict of interest: a tag of the ticket that the agent must not touch."""

from collections.abc import Iterator

from services.router.filters.base import Filter
from services.router.model import Candidate, Context, Need
from services.router.pool import Pool


class ConflictFilter(Filter):
    """Keeps a ticket from those who may not work on one of its tags; names the first."""

    name = "conflict"

    def reject(self, need: Need, candidate: Candidate, context: Context) -> str | None:
        """Return a reason if a tag of the ticket is among the candidate's conflicts."""
        for tag in need.tags:
            if tag in candidate.conflicts:
                return _reason(tag)
        return None

    def stopped(
        self, need: Need, pool: Pool, among: int, context: Context
    ) -> Iterator[tuple[str, int]]:
        """Return who has which conflict."""
        for tag in need.tags:
            barred = pool.facts.conflicts.get(tag, 0) & among
            if barred:
                yield _reason(tag), barred
                among &= ~barred


def _reason(tag: str) -> str:
    return f"has a conflict of interest with {tag}"
