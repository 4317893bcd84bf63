"""Prefers who knows the ticket already, and then who knows its requester."""

from services.router.model import Candidate, Context, Subject
from services.router.scorers.base import Scorer


class SameAgent(Scorer):
    """`former` for who had the ticket before, `familiar` for who last served its requester.

    Both options are scores from 0 to 1; everybody else has 0.
    """

    name = "same_agent"
    personal = True

    def __init__(self, former: float = 1.0, familiar: float = 0.5) -> None:
        if not (0 <= former <= 1 and 0 <= familiar <= 1):
            raise ValueError(f"former ({former!r}) and familiar ({familiar!r}) go from 0 to 1")
        self._former = former
        self._familiar = familiar

    def score(self, subject: Subject, candidate: Candidate, context: Context) -> float:
        """Return how well the candidate knows the case."""
        if candidate.id == subject.former_agent:
            return self._former
        if candidate.id == subject.familiar_agent:
            return self._familiar
        return 0.0
