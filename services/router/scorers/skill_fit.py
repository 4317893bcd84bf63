"""Prefers whoever is best at what the ticket needs and wishes for."""

from services.router.model import Candidate, Context, Subject
from services.router.scorers.base import Scorer

BEST_LEVEL = 5


class SkillFit(Scorer):
    """The mean level in required and preferred skills, as a share of the best.

    A preferred skill counts no further than the level wished for. 0 where no skill is named.
    """

    name = "skill_fit"
    personal = True

    def score(self, subject: Subject, candidate: Candidate, context: Context) -> float:
        """Return the mean proficiency in what is needed and wished for."""
        required, preferred = subject.need.skills, subject.preferred
        if not required and not preferred:
            return 0.0
        levels = 0
        for skill, _ in required:
            levels += candidate.skills.get(skill, 0)
        total = levels / BEST_LEVEL
        for skill, level in preferred:
            total += min(candidate.skills.get(skill, 0), level) / level
        return total / (len(required) + len(preferred))
