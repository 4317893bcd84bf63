"""Cursors hold what they were given, whatever it is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intake.api import opaque_cursor
from shared.domain.errors import InvalidInput

NUMBERS = st.integers(-(2**63), 2**63 - 1)
WORDS = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=40)


@given(NUMBERS, WORDS)
def test_what_goes_in_comes_out(number: int, word: str) -> None:
    text = opaque_cursor.encode("feed", (number, word))
    assert opaque_cursor.decode("feed", text, "/query/after", (int, str)) == [number, word]


@given(st.text(max_size=600))
def test_any_other_text_is_refused_and_breaks_nothing(text: str) -> None:
    with pytest.raises(InvalidInput, match="no cursor of the feed"):
        opaque_cursor.decode("feed", text, "/query/after", (int, str))
