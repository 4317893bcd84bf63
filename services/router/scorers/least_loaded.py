"""Prefers whoever has most of their capacity free."""

from datetime import datetime

from services.router.model import Candidate, Need


class LeastLoaded:
    """1 for an empty desk, 0 for a full one: `1 - load / capacity`."""

    name = "least_loaded"
    moves = True

    def score(self, need: Need, candidate: Candidate, now: datetime) -> float:
        """Return the free share of the candidate's capacity."""
        return candidate.room / candidate.capacity if candidate.capacity else 0.0
