"""Lengths of time as people write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.duration import parse_duration, write_duration


@pytest.mark.parametrize(
    ("written", "seconds"),
    [("90s", 90), ("10m", 600), ("2h", 7200), ("3d", 259_200), (45, 45), (0, 0)],
)
def test_a_length_of_time_is_seconds(written: object, seconds: int) -> None:
    assert parse_duration(written) == seconds


@pytest.mark.parametrize(
    "written",
    ["", "10", "m", "-1m", "1.5h", "1h30m", " 1h", "1 h", "1w", "١m", -1, 1.5, True, None],
)
def test_anything_else_is_refused(written: object) -> None:
    with pytest.raises(ValueError, match="write 90s, 10m"):
        parse_duration(written)


@given(st.integers(0, 10**8))
def test_what_is_written_reads_the_same(seconds: int) -> None:
    assert parse_duration(write_duration(seconds)) == seconds


def test_the_largest_unit_that_is_exact_is_written() -> None:
    assert [write_duration(n) for n in (0, 59, 60, 5400, 7200, 86_400)] == [
        *("0s", "59s", "1m", "90m", "2h", "1d")
    ]
