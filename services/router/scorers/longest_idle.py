"""Prefers whoever has not got or finished a ticket for the longest time."""

from datetime import datetime

from services.router.model import Candidate, Need

#: Idle time at which the score is one half; it approaches 1 and never gets there.
HALF_LIFE_S = 600.0


class LongestIdle:
    """`idle / (idle + 10 minutes)`: rises with idle time, whatever its scale."""

    name = "longest_idle"
    moves = True

    def score(self, need: Need, candidate: Candidate, now: datetime) -> float:
        """Return how idle the candidate is."""
        idle_s = max(0.0, (now - candidate.idle_since).total_seconds())
        return idle_s / (idle_s + HALF_LIFE_S)
