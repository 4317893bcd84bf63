"""What a scorer is."""

from datetime import datetime
from typing import Protocol

from services.router.model import Candidate, Need


class Scorer(Protocol):
    """Rates a candidate who passed every filter.

    `moves` has the same meaning as for filters.
    """

    name: str
    moves: bool

    def score(self, need: Need, candidate: Candidate, now: datetime) -> float:
        """Return a number from 0 to 1; more is better."""
        ...
