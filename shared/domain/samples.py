"""Figures of samples: mean, quantiles, and how sure a difference of two means is."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist, fmean, variance

#: Below so many values in either sample no interval is given: it would claim too much.
MIN_SAMPLE = 10
CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Difference:
    """Mean of the second sample minus mean of the first, with its confidence interval.

    `low` and `high` are None where a sample is too small for one.
    """

    difference: float
    low: float | None
    high: float | None


def quantile(values: Sequence[float], share: float) -> float | None:
    """Return the quantile of a share from 0 to 1, between two values by a straight line.

    Definition 7 of Hyndman & Fan, The American Statistician 50, 1996. None of no values.
    """
    if not values:
        return None
    ordered = sorted(values)
    at = share * (len(ordered) - 1)
    below = math.floor(at)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (at - below) * (ordered[above] - ordered[below])


def mean(values: Sequence[float]) -> float | None:
    """Return the arithmetic mean; None of no values."""
    return fmean(values) if values else None


def welch(first: Sequence[float], second: Sequence[float]) -> Difference | None:
    """Return the difference of two means with Welch's interval; None if a sample is empty.

    The variances may differ: Welch, Biometrika 34, 1947. A rate is the mean of zeros and ones.
    """
    if not first or not second:
        return None
    difference = fmean(second) - fmean(first)
    if min(len(first), len(second)) < MIN_SAMPLE:
        return Difference(difference, None, None)
    ours, theirs = (variance(sample) / len(sample) for sample in (first, second))
    error = ours + theirs
    if error == 0:
        return Difference(difference, difference, difference)
    # By shares, because the square of a small error may be too small for a float.
    share = ours / error
    freedom = 1 / (share**2 / (len(first) - 1) + (1 - share) ** 2 / (len(second) - 1))
    margin = student_quantile((1 + CONFIDENCE) / 2, freedom) * math.sqrt(error)
    return Difference(difference, difference - margin, difference + margin)


def student_quantile(share: float, freedom: float) -> float:
    """Return a quantile of Student's t for `freedom` of at least 9, right to four digits.

    Abramowitz & Stegun, Handbook of Mathematical Functions, 26.7.5.
    """
    z = NormalDist().inv_cdf(share)
    return (
        z
        + (z**3 + z) / (4 * freedom)
        + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * freedom**2)
        + (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * freedom**3)
        + (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / (92160 * freedom**4)
    )
