"""Prefers specialists: who is in few teams."""

from services.router.model import Candidate, Context, Subject
from services.router.scorers import Scorer


class HomeTeam(Scorer):
    """`1 / n` for a member of the ticket's team who is in `n` teams, 0 for everybody else."""

    name = "home_team"

    def score(self, subject: Subject, candidate: Candidate, context: Context) -> float:
        """Return how much the ticket's team is the candidate's home."""
        if subject.need.team not in candidate.teams:
            return 0.0
        return 1.0 / len(candidate.teams)
