"""Only members of the ticket's team; a ticket without a team is open to all."""

from services.router.model import Candidate, Need


class TeamFilter:
    """Keeps a ticket within its team."""

    name = "team"
    moves = False

    def reject(self, need: Need, candidate: Candidate) -> str | None:
        """Return a reason if the candidate is not in the team."""
        if need.team is None or need.team in candidate.teams:
            return None
        return f"not in team {need.team}"
