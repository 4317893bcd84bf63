"""Distributions with a mean of 1, and streams of random numbers that do not disturb each other."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from random import Random


class LawName(StrEnum):
    """The shapes of handling times."""

    EXPONENTIAL = "exponential"
    LOGNORMAL = "lognormal"
    DETERMINISTIC = "deterministic"


@dataclass(frozen=True, slots=True)
class Law:
    """A distribution of mean 1; `variation` (standard deviation / mean) is the lognormal's."""

    name: LawName = LawName.EXPONENTIAL
    variation: float = 1.0

    def sampler(self, stream: Random) -> Callable[[], float]:
        """Return a function that draws from the stream; one number of it for each draw."""
        match self.name:
            case LawName.EXPONENTIAL:
                return lambda: -math.log(1.0 - stream.random())
            case LawName.DETERMINISTIC:
                return lambda: 1.0
            case LawName.LOGNORMAL:
                spread = math.sqrt(math.log1p(self.variation**2))
                return lambda: math.exp(spread * stream.gauss() - spread * spread / 2)


def stream(seed: int, name: str) -> Random:
    """Return the stream of a name: what is drawn from one does not move another."""
    return Random(f"{seed}/{name}")  # noqa: S311 -- chance, not secrets
