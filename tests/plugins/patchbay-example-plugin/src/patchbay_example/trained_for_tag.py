"""Tickets with a certain tag go only to those who have a certain skill."""

from services.router.filters import Filter
from services.router.model import Candidate, Context, Need


class TrainedForTag(Filter):
    """Lets pass who has `skill`, if the ticket has `tag`."""

    name = "trained_for_tag"

    def __init__(self, tag: str = "vip", skill: str = "vip-care") -> None:
        self._tag = tag
        self._skill = skill

    def reject(self, need: Need, candidate: Candidate, context: Context) -> str | None:
        """Return a reason if the ticket has the tag and the candidate lacks the skill."""
        if self._tag in need.tags and self._skill not in candidate.skills:
            return f"is not trained for {self._tag}"
        return None
