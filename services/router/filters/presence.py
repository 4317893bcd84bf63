"""Only who is online."""

from services.router.model import Candidate, Need
from shared.domain.agent import Presence


class PresenceFilter:
    """Keeps tickets from those who are away or offline."""

    name = "presence"
    moves = False

    def reject(self, need: Need, candidate: Candidate) -> str | None:
        """Return a reason unless the candidate is online."""
        if candidate.presence is Presence.ONLINE:
            return None
        return f"is {candidate.presence}"
