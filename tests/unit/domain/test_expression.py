"""Conditions in CEL: what is taken, what is refused and where, what they answer and what not."""

import string
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.errors import BadExpression, EvaluationFailed, InvalidInput
from shared.domain.expression import MAX_SOURCE, compile_expression
from shared.domain.ticket_facts import columns_of, ticket_environment, ticket_facts, time_zone
from tests.ticket_rows import ticket_row

#: A Thursday, shortly before midnight in UTC.
NOW = datetime(2026, 1, 1, 23, 30, tzinfo=UTC)


def holds(source: str, zone: str = "UTC", **changed: Any) -> bool:
    facts = ticket_facts(ticket_row(**changed), NOW, time_zone(zone))
    return compile_expression(source, ticket_environment()).evaluate(facts)


def refused(source: str) -> BadExpression:
    with pytest.raises(BadExpression) as caught:
        compile_expression(source, ticket_environment())
    return caught.value


def test_a_condition_compares_what_the_ticket_says() -> None:
    assert holds('ticket.category == "vpn" && ticket.priority == "medium"')
    assert holds('ticket.channel in ["email", "phone"]')
    assert holds('"remote" in ticket.tags && !("desktop" in ticket.tags)')
    assert holds('ticket.tags.exists(tag, tag.startsWith("lap"))')
    assert holds('ticket.required_skills.exists(s, s.skill == "vpn" && s.level >= 2)')
    assert holds("ticket.custom_fields.seats > 100 && ticket.custom_fields.plan.tier == 'gold'")
    assert not holds('ticket.category == "dns"')


def test_what_is_absent_is_null_and_equal_to_nothing_else() -> None:
    assert not holds('ticket.category == "vpn"', category=None)
    assert holds('ticket.category != "vpn"', category=None)
    assert holds("ticket.category == null", category=None)
    assert not holds('ticket.category in ["vpn", "dns"]', category=None)
    assert holds("requester.phone == null && ticket.language == null", requester={"name": "Mira"})


def test_keys_of_custom_fields_may_be_asked_for() -> None:
    assert holds("has(ticket.custom_fields.seats) && !has(ticket.custom_fields.vip)")
    assert not holds("has(ticket.custom_fields.vip) && ticket.custom_fields.vip == true")


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("ticket.custom_fields.vip == true", "Key not found"),
        ('ticket.product.startsWith("a")', "No matching overload"),
        ("ticket.tags[7] == 'a'", "Index error"),
        ("10 / (size(ticket.tags) - 2) == 1", "divide by zero"),
        ("ticket.custom_fields.many.all(n, n >= 0)", "Iteration budget"),
    ],
)
def test_a_condition_without_an_answer_says_why(source: str, reason: str) -> None:
    fields = {"many": list(range(20_000))}
    with pytest.raises(EvaluationFailed, match=reason):
        holds(source, custom_fields=fields)


def test_a_condition_knows_who_asks_and_in_which_language() -> None:
    assert holds('requester.email.endsWith("@example.com") && requester.name == "Mira Petrova"')
    assert holds('requester.locale == "pt-BR" && ticket.language == "pt"')


def test_time_is_that_of_the_zone() -> None:
    assert holds('time.hour == 23 && time.weekday == 4 && time.date == "2026-01-01"')
    assert holds('time.hour == 0 && time.weekday == 5 && time.date == "2026-01-02"', "Europe/Paris")
    assert holds('time.hour == 18 && time.weekday == 4 && time.date == "2026-01-01"', "US/Eastern")
    for zone in ("UTC", "Asia/Tokyo"):
        assert holds('time.now == timestamp("2026-01-01T23:30:00Z")', zone)


@pytest.mark.parametrize("name", ["Mars/Olympus", "", "../../etc/passwd", "Europe", "a\x00b"])
def test_a_zone_that_does_not_exist_is_refused_with_the_way_out(name: str) -> None:
    with pytest.raises(InvalidInput, match="IANA name such as"):
        time_zone(name)


def test_a_long_description_is_seen_at_its_beginning_only() -> None:
    assert holds("ticket.description.size() == 10000", description="x" * 50_000)


@pytest.mark.parametrize(
    ("source", "line", "column", "reason"),
    [
        ("", 1, 1, "ends too early"),
        ('ticket.category == "vpn" &&', 1, 28, "ends too early"),
        ('ticket.category == "vpn"\n  && foo', 2, 6, "there is no 'foo'"),
        ('"é😀" == ticket.category && nobody', 1, 28, "there is no 'nobody'"),
        ('ticket.categry == "vpn"', 1, 7, "did you mean 'ticket.category'"),
        ("ticket == null", 1, 1, "there is no 'ticket'"),
        ('ticket["category"] == "vpn"', 1, 1, "there is no 'ticket'"),
        ("ticket.priority == 1", 1, 17, "no matching overload"),
        ("ticket.category", 1, 1, "the result is dyn"),
        ("1", 1, 1, "the result is int"),
        ("has(ticket.category)", 1, 1, "the result is dyn"),
        ('ticket.subject.matches("(")', 1, 23, "missing \\)"),
        ('\n ticket.subject.matches("a{1001}")', 2, 24, "repetition size"),
        ("true\x00", 1, 5, "U\\+0000"),
        ('"\ud800" == ""', 1, 2, "U\\+D800"),
        ("cel.bind(x, 1, true)", 1, 10, "there is no 'x'"),
        ('ticket.subject.lowerAscii() == "a"', 1, 26, "lowerAscii"),
    ],
)
def test_a_bad_condition_is_refused_with_its_place(
    source: str, line: int, column: int, reason: str
) -> None:
    error = refused(source)
    assert (error.line, error.column) == (line, column)
    with pytest.raises(BadExpression, match=reason):
        raise error
    assert error.detail.startswith(f"Line {line}, column {column}: ")


@pytest.mark.parametrize(
    "source",
    [
        "x" * (MAX_SOURCE + 1),
        "(" * 40 + "true" + ")" * 40,
        "[" * 200 + "]" * 200 + " == []",
        "ticket.tags.all(a, ticket.tags.all(b, a == b))",
        "ticket.tags.map(a, ticket.subject + ticket.subject) == []",
        "ticket.tags.map(a, a)[0] + ticket.tags.map(a, a + a)[0] == ''",
        'ticket.tags.all(a, bytes(ticket.subject) == b"a")',
        "ticket.tags.all(a, {'b': string(1)}.b == a)",
        "[ticket.tags.exists(a, [1].exists(b, b == 1))][0]",
        "ticket.tags.all(a, ticket.description.contains(a))",
        'ticket.tags.exists(a, a.matches("a"))',
        "ticket.tags.map(a, [a, a]) == []",
        "ticket.tags.map(a, {'a': a}) == []",
        "ticket.tags.all(a, a in ticket.custom_fields)",
        "ticket.tags.all(a, a == (true ? ticket.subject + a : a))",
    ],
)
def test_what_would_cost_too_much_is_refused(source: str) -> None:
    refused(source)


@pytest.mark.parametrize(
    "source",
    [
        'ticket.tags.filter(a, a != "b").map(a, a.size()).exists(n, n > 3)',
        "ticket.tags.map(a, a == 'b') == [false, false]",
        'ticket.subject + "x" == "VPN dropsx"',
        "ticket.custom_fields.plan.all(key, key in ticket.tags || ticket.subject != key)",
        'ticket.tags.exists(a, a in ["b", "remote"])',
        'ticket.tags.exists_one(a, a == "remote")',
        'ticket.category == "vpn" // because',
        " || ".join(f'ticket.category == "{n}"' for n in range(100)) + ' || "a" < "b"',
    ],
)
def test_loops_one_after_the_other_and_long_chains_are_fine(source: str) -> None:
    assert holds(source)


def test_a_condition_knows_what_it_looks_at() -> None:
    source = """
        ticket.category == "ticket.team" && "requester.phone" != 'ticket.product' // ticket.impact
        && [1].exists(ticket, ticket == 1) && requester.email != null && time.hour > 3
        && has(ticket.custom_fields.vip) && ticket.language == "pt"
    """
    variables = compile_expression(source, ticket_environment()).variables
    assert variables == {
        *("ticket.category", "ticket.custom_fields", "ticket.language"),
        *("requester.email", "time.hour"),
    }
    assert columns_of(variables) == {"category", "custom_fields", "requester"}


def test_a_condition_is_compiled_once() -> None:
    one = compile_expression('ticket.team == "a"', ticket_environment())
    assert compile_expression('ticket.team == "a"', ticket_environment()) is one


def test_many_threads_may_compile_and_ask_the_same_conditions() -> None:
    sources = [f'ticket.category == "c{n}" && time.hour == 23' for n in range(50)]

    def ask(number: int) -> list[bool]:
        return [holds(source, category=f"c{number}") for source in sources for _ in range(5)]

    with ThreadPoolExecutor(8) as pool:
        for number, answers in enumerate(pool.map(ask, range(50))):
            expected = [number == n for n in range(50) for _ in range(5)]
            assert answers == expected


def quoted(text: str) -> str:
    """A CEL string literal, escaped the hard way."""
    plain = string.ascii_letters + string.digits
    return '"' + "".join(c if c in plain else f"\\U{ord(c):08x}" for c in text) + '"'


#: The engine cuts text at a NUL character; intake lets none in, because PostgreSQL keeps none.
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=50)


@given(TEXTS, TEXTS)
def test_any_text_comes_through_as_it_is(one: str, other: str) -> None:
    assert holds(f"ticket.category == {quoted(one)}", category=one)
    assert holds(f"ticket.category == {quoted(one)}", category=other) == (one == other)


def refusal(source: str) -> BadExpression | None:
    """What is wrong with a source, if anything; nothing else may be raised."""
    try:
        compile_expression(source, ticket_environment())
    except BadExpression as error:
        return error
    return None


@given(st.text(max_size=60))
def test_any_source_is_a_condition_or_refused_with_a_place_in_it(source: str) -> None:
    error = refusal(source)
    if error is not None:
        assert 1 <= error.line <= source.count("\n") + 1
        assert error.column >= 1
        assert error.reason


WORDS = (
    *("ticket", ".", "tags", "(", ")", "[", "]", '"a"', "==", "&&", "exists", "x", ",", "in", "1"),
    *("+", "?", ":", "matches", "{", "}", "time.hour", "!", "'\\", "map", "true"),
)


@given(st.lists(st.sampled_from(WORDS), max_size=15))
def test_any_words_are_a_condition_or_refused(words: list[str]) -> None:
    error = refusal(" ".join(words))
    assert error is None or error.reason
