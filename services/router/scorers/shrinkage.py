"""Estimates of what an agent's past says, shrunk towards what is usual where it says little.

With `n` observations of mean `x`, and a prior of mean `u` that is worth `m` observations, the
estimate is `(n * x + m * u) / (n + m)`: the posterior mean of the normal, gamma and beta-binomial
models alike, with a common prior learned from everybody (empirical Bayes; Efron & Morris, Journal
of the American Statistical Association 70, 1975). An agent is shrunk towards the usual of the
category, with the tickets of all agents in it, and that towards the usual of all categories.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import inf

from services.router.model import Candidate, Context, Performance

ALL_CATEGORIES = ""
_NOTHING = Performance()


@dataclass(frozen=True, slots=True)
class Shrunk:
    """The estimate for an agent, and what is usual in the category; both in the same unit."""

    agent: float
    usual: float


@dataclass(frozen=True, slots=True)
class Measure:
    """A mean and the number of observations behind it; `unknown` is the mean of none at all."""

    count: Callable[[Performance], int]
    mean: Callable[[Performance], float]
    unknown: float


HANDLING_S = Measure(lambda p: p.tickets, lambda p: p.handling_s, 0.0)
REOPEN_RATE = Measure(lambda p: p.tickets, lambda p: p.reopened / p.tickets, 0.0)
SATISFACTION = Measure(lambda p: p.rated, lambda p: p.satisfaction, 0.5)


class Shrinkage:
    """Shrinks measures; the prior is worth `prior_tickets` tickets."""

    def __init__(self, prior_tickets: float) -> None:
        if not 0 < prior_tickets < inf:
            raise ValueError(f"prior_tickets is {prior_tickets!r}; it must be a number above 0")
        self._prior = prior_tickets

    def estimate(
        self, measure: Measure, category: str | None, candidate: Candidate, context: Context
    ) -> Shrunk:
        """Return the estimate for a candidate in a category (None: over all categories)."""
        usual = self._towards(measure, context.usual.get(ALL_CATEGORIES), measure.unknown)
        key = category or ALL_CATEGORIES
        if key != ALL_CATEGORIES:
            usual = self._towards(measure, context.usual.get(key), usual)
        return Shrunk(self._towards(measure, candidate.performance.get(key), usual), usual)

    def _towards(self, measure: Measure, past: Performance | None, prior: float) -> float:
        past = past or _NOTHING
        count = measure.count(past)
        if count <= 0:
            return prior
        return (count * measure.mean(past) + self._prior * prior) / (count + self._prior)


def speed(shrunk: Shrunk) -> float:
    """Return how fast somebody is: one half at the usual handling time, 1 for no time at all."""
    both = shrunk.agent + shrunk.usual
    return shrunk.usual / both if both > 0 else 0.5
