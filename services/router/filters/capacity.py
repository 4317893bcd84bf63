"""Only who has room left."""

from services.router.model import Candidate, Need


class CapacityFilter:
    """Keeps tickets from those whose load has reached their capacity."""

    name = "capacity"
    moves = True

    def reject(self, need: Need, candidate: Candidate) -> str | None:
        """Return a reason if the candidate is full."""
        return None if candidate.load < candidate.capacity else "is at capacity"
