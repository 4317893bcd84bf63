"""Means over seeds with confidence intervals; differences are taken seed by seed.

Student's t: Law, Simulation Modeling and Analysis, 5th ed., sections 9.4.1 and 10.2.1 (paired).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

from scipy.special import stdtrit

CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean and half the width of its 95 % confidence interval; `nan` from one seed only."""

    mean: float
    half: float

    @property
    def low(self) -> float:
        """The lower end."""
        return self.mean - self.half

    @property
    def high(self) -> float:
        """The upper end."""
        return self.mean + self.half

    @property
    def clear(self) -> bool:
        """Whether 0 is outside."""
        return abs(self.mean) > self.half


def interval(values: Sequence[float]) -> Interval:
    """Return the mean of independent values with its interval."""
    count = len(values)
    mean = fmean(values)
    if count < 2:
        return Interval(mean, math.nan)
    quantile = float(stdtrit(count - 1, 0.5 + CONFIDENCE / 2))
    return Interval(mean, quantile * stdev(values) / math.sqrt(count))


def paired(values: Sequence[float], base: Sequence[float]) -> Interval:
    """Return by how much values exceed those of the same seeds in `base`."""
    return interval([value - other for value, other in zip(values, base, strict=True)])
