"""Only who speaks the ticket's language; who names no language is taken to speak any."""

from collections.abc import Iterable

from services.router.filters.base import Filter, some
from services.router.model import Candidate, Context, Need
from services.router.pool import Pool


class LanguageFilter(Filter):
    """Keeps a ticket from those who do not speak its language."""

    name = "language"

    def reject(self, need: Need, candidate: Candidate, context: Context) -> str | None:
        """Return a reason if the candidate names languages, and not this one."""
        if need.language is None or not candidate.languages:
            return None
        return None if need.language in candidate.languages else f"does not speak {need.language}"

    def stopped(
        self, need: Need, pool: Pool, among: int, context: Context
    ) -> Iterable[tuple[str, int]]:
        """Return who names other languages only."""
        if need.language is None:
            return ()
        facts = pool.facts
        speaks = facts.polyglots | facts.speakers.get(need.language, 0)
        return some((f"does not speak {need.language}", among & ~speaks))
