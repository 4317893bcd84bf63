"""Prefers whoever is best at what the ticket needs."""

from datetime import datetime

from services.router.model import Candidate, Need

BEST_LEVEL = 5


class SkillFit:
    """The mean level in the required skills, as a share of the best; 0 where none is required."""

    name = "skill_fit"
    moves = False

    def score(self, need: Need, candidate: Candidate, now: datetime) -> float:
        """Return the mean proficiency in what is needed."""
        if not need.skills:
            return 0.0
        levels = sum(candidate.skills.get(skill, 0) for skill, _ in need.skills)
        return levels / (BEST_LEVEL * len(need.skills))
