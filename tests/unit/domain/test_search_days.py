"""Spans of time as few tokens."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.search.days import cover, tokens_of

MOMENTS = st.datetimes(timezones=st.just(UTC))


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@given(MOMENTS, st.none() | MOMENTS, st.none() | MOMENTS)
def test_every_moment_of_a_span_has_a_token_of_it(
    moment: datetime, since: datetime | None, until: datetime | None
) -> None:
    inside = (since is None or since <= moment) and (until is None or moment < until)
    tokens = cover(since, until)
    assert len(tokens) < 250
    if inside:
        assert set(tokens) & set(tokens_of(moment))


@pytest.mark.parametrize(
    ("since", "until", "tokens"),
    [
        ("2026-01-01", "2027-01-01", ["year=2026"]),
        ("2026-01-31", "2026-03-01", ["day=2026-01-31", "month=2026-02"]),
        ("2026-02-27T12:00", "2026-02-28T00:00:00.000001", ["day=2026-02-27", "day=2026-02-28"]),
        ("2026-01-02", "2026-01-02", []),
        ("2026-01-03", "2026-01-02", []),
    ],
)
def test_a_span_is_covered_by_few_tokens(since: str, until: str, tokens: list[str]) -> None:
    assert cover(at(since), at(until)) == tokens
