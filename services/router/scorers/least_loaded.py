"""Prefers whoever has most of their capacity free."""

from services.router.model import Candidate, Context, Subject
from services.router.scorers.base import Scorer


class LeastLoaded(Scorer):
    """1 for an empty desk, 0 for a full one: `1 - load / capacity`."""

    name = "least_loaded"
    moves = True

    def score(self, subject: Subject, candidate: Candidate, context: Context) -> float:
        """Return the free share of the candidate's capacity."""
        return candidate.room / candidate.capacity if candidate.capacity else 0.0
