"""Keeps rare skills free: prefers who can do little else than what the ticket needs."""

from services.router.model import Candidate, Context, Subject
from services.router.scorers.base import Scorer


class SpareSkills(Scorer):
    """`1 / (1 + s)`, where `s` is the sum of `1 / supply` over the skills that would lie idle.

    `supply` is how many agents have a skill: the only expert for it counts as much as ten skills
    that ten people have. Required and preferred skills are used and do not count. Least flexible
    first is what keeps the flexible free for who needs them.
    """

    name = "spare_skills"
    personal = True

    def score(self, subject: Subject, candidate: Candidate, context: Context) -> float:
        """Return how little is lost while the candidate works on the ticket."""
        used = {skill for skill, _ in (*subject.need.skills, *subject.preferred)}
        lost = 0.0
        for skill in candidate.skills:
            if skill not in used:
                lost += 1.0 / max(1, context.supply.get(skill, 1))
        return 1.0 / (1.0 + lost)
