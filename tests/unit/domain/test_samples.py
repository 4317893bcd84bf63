"""Figures of samples, against scipy."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from shared.domain.samples import MIN_SAMPLE, Difference, mean, quantile, student_quantile, welch

values = st.lists(st.floats(-1e6, 1e6), min_size=MIN_SAMPLE, max_size=60)


@given(st.lists(st.floats(-1e6, 1e6), min_size=1), st.floats(0, 1))
def test_quantiles_are_those_of_numpy(sample: list[float], share: float) -> None:
    assert quantile(sample, share) == pytest.approx(np.quantile(sample, share), abs=1e-6)


@pytest.mark.parametrize("freedom", [9.0, 9.5, 20.0, 100.0, 1e5])
def test_students_quantile_is_right_to_four_digits(freedom: float) -> None:
    assert student_quantile(0.975, freedom) == pytest.approx(stats.t.ppf(0.975, freedom), rel=1e-4)


def test_welchs_interval_is_that_of_scipy() -> None:
    chance = np.random.default_rng(7)
    for first_size, second_size in ((10, 10), (12, 80), (300, 25)):
        first = chance.normal(10, 1, first_size)
        second = chance.exponential(12, second_size)
        found = welch(first.tolist(), second.tolist())
        wanted = stats.ttest_ind(second, first, equal_var=False).confidence_interval(0.95)
        assert found is not None
        assert (found.low, found.high) == pytest.approx((wanted.low, wanted.high), rel=1e-3)
        assert found.difference == pytest.approx(second.mean() - first.mean())


@given(values, values)
def test_the_difference_lies_within_its_interval(first: list[float], second: list[float]) -> None:
    found = welch(first, second)
    assert found is not None
    assert found.low is not None
    assert found.high is not None
    assert found.low <= found.difference <= found.high


def test_small_and_empty_samples_claim_nothing() -> None:
    assert welch([], [1.0]) is None
    assert welch([1.0], [3.0]) == Difference(2.0, None, None)
    assert welch([1.0] * 10, [3.0] * 10) == Difference(2.0, 2.0, 2.0)
    assert (mean([]), quantile([], 0.5)) == (None, None)
