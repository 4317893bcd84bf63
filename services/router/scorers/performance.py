"""Prefers who has done well with tickets of this category."""

from math import inf

from services.router.model import Candidate, Context, Subject
from services.router.scorers.base import Scorer
from services.router.scorers.shrinkage import (
    HANDLING_S,
    REOPEN_RATE,
    SATISFACTION,
    Shrinkage,
    speed,
)


class PastPerformance(Scorer):
    """The weighted mean of three scores, each from an estimate that is shrunk (`shrinkage`).

    - handling time `h`, usually `u`: `u / (u + h)`
    - reopen rate `r`: `1 - r`
    - satisfaction `s`, from 0 to 1: `s`

    For an agent with `n` tickets of mean `x` in the category: `h = (n * x + m * u) / (n + m)`,
    where `m` is `prior_tickets` and `u = (N * X + m * U) / (N + m)`, with `N` tickets of mean `X`
    over all agents in the category and the mean `U` over all categories; likewise `r`, and `s` by
    the number of ratings. The other options are the weights of the three.
    """

    name = "performance"
    personal = True

    def __init__(
        self,
        handling: float = 1.0,
        reopen: float = 1.0,
        satisfaction: float = 1.0,
        prior_tickets: float = 20.0,
    ) -> None:
        weights = (handling, reopen, satisfaction)
        if not all(0 <= weight < inf for weight in weights) or sum(weights) <= 0:
            raise ValueError(
                "handling, reopen and satisfaction are weights: none below 0, one above"
            )
        self._handling, self._reopen, self._satisfaction = (w / sum(weights) for w in weights)
        self._shrinkage = Shrinkage(prior_tickets)

    def score(self, subject: Subject, candidate: Candidate, context: Context) -> float:
        """Return what the candidate's past promises for the category."""
        estimate, category = self._shrinkage.estimate, subject.category
        total = 0.0
        if self._handling:
            total += self._handling * speed(estimate(HANDLING_S, category, candidate, context))
        if self._reopen:
            reopened = estimate(REOPEN_RATE, category, candidate, context).agent
            total += self._reopen * (1.0 - reopened)
        if self._satisfaction:
            total += self._satisfaction * estimate(SATISFACTION, category, candidate, context).agent
        return min(1.0, max(0.0, total))
