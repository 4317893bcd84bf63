"""Prefers whoever has not got or finished a ticket for the longest time."""

from services.router.model import Candidate, Context, Subject
from services.router.scorers.base import Scorer


class LongestIdle(Scorer):
    """`idle / (idle + half)`: rises with idle time, whatever its scale.

    `half_s` is the idle time, in seconds, at which the score is one half.
    """

    name = "longest_idle"
    moves = True

    def __init__(self, half_s: float = 600.0) -> None:
        if not half_s > 0:
            raise ValueError(f"half_s is {half_s!r}; it must be above 0")
        self._half_s = half_s

    def score(self, subject: Subject, candidate: Candidate, context: Context) -> float:
        """Return how idle the candidate is."""
        idle_s = max(0.0, (context.now - candidate.idle_since).total_seconds())
        return idle_s / (idle_s + self._half_s)
