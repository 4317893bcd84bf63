"""Words, questions and highlights, without a database."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.search.highlight import SHOWN, highlight
from shared.domain.search.parse import BadQuestion, parse
from shared.domain.search.question import Filter, Phrase, facet
from shared.domain.search.words import MAX_WORD_CHARS, term, terms, words


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("connect", "Connections"),
        ("printer", "PRINTERS"),
        ("принтер", "Принтерами"),
        ("ёмкость", "емкости"),
        ("работает", "работают"),
        ("STRASSE", "straße"),
    ],
)
def test_inflections_are_one_word(one: str, other: str) -> None:
    assert term(one) == term(other)


def test_codes_are_taken_as_they_are() -> None:
    assert terms("0x80070005 10.0.0.1 ERR_lost") == [
        "0x80070005",
        "10",
        "0",
        "0",
        "1",
        "err",
        "lost",
    ]


@given(st.text())
def test_every_word_is_a_bounded_token_at_its_place(text: str) -> None:
    for word in words(text):
        assert text[word.start : word.end]
        assert 1 <= len(word.term) <= MAX_WORD_CHARS
        assert all(sign.isalnum() for sign in word.term)
        assert terms(word.term) != []


@given(st.sampled_from(["tag", "team"]), st.text())
def test_a_facet_is_a_token_that_no_word_is(name: str, value: str) -> None:
    if any(0xD800 <= ord(sign) <= 0xDFFF for sign in value):
        return
    token = facet(name, value)
    assert token.isascii()
    assert "=" in token
    assert not set(token) & set(" '\"\\()|&!<>:*")


def test_a_question_is_words_phrases_and_filters() -> None:
    question = parse(
        'VPN "every ten minutes" -printer status:open,new -tag:"a b" created:>2026-01-30'
    )
    assert question.phrases == (
        Phrase(("vpn",)),
        Phrase(("everi", "ten", "minut")),
        Phrase(("printer",), excluded=True),
    )
    assert question.filters == (
        Filter("status", ("open", "new")),
        Filter("tag", ("a b",), excluded=True),
    )
    assert question.since == datetime(2026, 1, 31, tzinfo=UTC)
    assert question.until is None


def test_several_times_narrow_each_other() -> None:
    question = parse("created:>=2026-01-01 created:2026-01-31 created:<2026-03-01")
    assert question.since == datetime(2026, 1, 31, tzinfo=UTC)
    assert question.until == datetime(2026, 2, 1, tzinfo=UTC)


@pytest.mark.parametrize("text", ["https://example.com/x", "Error: gone", "C:\\temp", "12:30"])
def test_what_only_looks_like_a_field_is_text(text: str) -> None:
    question = parse(text)
    assert question.filters == ()
    assert question.wanted_terms


def test_words_that_every_text_has_count_in_phrases_and_alone_only() -> None:
    assert parse("the vpn").phrases == (Phrase(("vpn",)),)
    assert parse("не работает").phrases == (Phrase((term("работает"),)),)
    assert parse("the").phrases == (Phrase(("the",)),)
    assert parse('"the vpn"').phrases == (Phrase(("the", "vpn")),)


@given(st.text(max_size=600))
def test_any_text_is_a_question_or_is_refused_with_a_reason(text: str) -> None:
    try:
        parse(text)
    except BadQuestion as error:
        reason = str(error)
    else:
        reason = "none"
    assert reason


@given(st.text(st.sampled_from("ab c.😀é "), max_size=2000))
def test_a_highlight_is_a_bounded_piece_of_the_text_itself(text: str) -> None:
    wanted = {term("ab"), term("c")}
    pieces = highlight(text, wanted)
    shown = "".join(piece.text for piece in pieces).removeprefix("…").removesuffix("…")
    assert shown in text
    assert len(shown) <= SHOWN
    marked = [piece.text for piece in pieces if piece.match]
    assert all(term(mark) in wanted for mark in marked)
    present = any(word.term in wanted for word in words(text))
    assert bool(pieces) == present
    if any(word.term in wanted and word.end - word.start < SHOWN // 2 for word in words(text)):
        assert marked
