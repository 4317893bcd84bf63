"""Every required skill, at the required level or above."""

from collections.abc import Iterator

from services.router.filters.base import Filter
from services.router.model import Candidate, Context, Need
from services.router.pool import Pool


class SkillsFilter(Filter):
    """Keeps a ticket from those who lack a skill; names the first one lacking."""

    name = "skills"

    def reject(self, need: Need, candidate: Candidate, context: Context) -> str | None:
        """Return a reason if a skill is missing or too weak."""
        for skill, level in need.skills:
            if candidate.skills.get(skill, 0) < level:
                return _reason(skill, level)
        return None

    def stopped(
        self, need: Need, pool: Pool, among: int, context: Context
    ) -> Iterator[tuple[str, int]]:
        """Return who lacks which skill."""
        for skill, level in need.skills:
            lacking = among & ~pool.facts.skills.get((skill, level), 0)
            if lacking:
                yield _reason(skill, level), lacking
                among &= ~lacking


def _reason(skill: str, level: int) -> str:
    return f"lacks {skill} at level {level}"
