"""Prefers who handles tickets of this category fastest."""

from services.router.model import Candidate, Context, Subject
from services.router.scorers.base import Scorer
from services.router.scorers.shrinkage import HANDLING_S, Shrinkage, speed


class Fastest(Scorer):
    """`u / (u + h)`: handling time `h` expected of the candidate, `u` usual in the category.

    Both are shrunk (`shrinkage`); the prior is worth `prior_tickets`. Fastest server first makes
    the mean wait smallest as the team grows (Armony, Queueing Systems 51, 2005); it also gives the
    fast more work than the slow, so a fair desk weighs it little.
    """

    name = "fastest"
    personal = True

    def __init__(self, prior_tickets: float = 20.0) -> None:
        self._shrinkage = Shrinkage(prior_tickets)

    def score(self, subject: Subject, candidate: Candidate, context: Context) -> float:
        """Return how fast the candidate is, one half being usual."""
        found = self._shrinkage.estimate(HANDLING_S, subject.category, candidate, context)
        return speed(found)
