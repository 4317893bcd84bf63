"""Every required skill, at the required level or above."""

from services.router.model import Candidate, Need


class SkillsFilter:
    """Keeps a ticket from those who lack a skill; names the first one lacking."""

    name = "skills"
    moves = False

    def reject(self, need: Need, candidate: Candidate) -> str | None:
        """Return a reason if a skill is missing or too weak."""
        for skill, level in need.skills:
            if candidate.skills.get(skill, 0) < level:
                return f"lacks {skill} at level {level}"
        return None
