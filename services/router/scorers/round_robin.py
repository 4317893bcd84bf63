"""Prefers whoever got their last ticket longest ago: everybody in turn."""

from services.router.model import Candidate, Context, Subject
from services.router.scorers.base import Scorer


class RoundRobin(Scorer):
    """`age / (age + half)` of the last assignment; 1 for who never had one.

    `half_s` is the age, in seconds, at which the score is one half. Only the order matters where
    it is the only scorer. The turn is kept in the database, with each agent.
    """

    name = "round_robin"
    moves = True

    def __init__(self, half_s: float = 3600.0) -> None:
        if not half_s > 0:
            raise ValueError(f"half_s is {half_s!r}; it must be above 0")
        self._half_s = half_s

    def score(self, subject: Subject, candidate: Candidate, context: Context) -> float:
        """Return how long ago the candidate got a ticket."""
        if candidate.assigned_at is None:
            return 1.0
        age_s = max(0.0, (context.now - candidate.assigned_at).total_seconds())
        return age_s / (age_s + self._half_s)
