"""Which headers a subscriber may set."""

import pytest

from shared.domain.custom_headers import MAX_VALUE_CHARS, refusal


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Authorization", "Bearer abc.def"),
        ("X-Api-Key", "k"),
        ("x", "!"),
        ("X-Note", "two words"),
        ("X-Long", "a" * MAX_VALUE_CHARS),
        ("a" * 64, "b"),
    ],
)
def test_a_header_of_the_subscribers_own_is_taken(name: str, value: str) -> None:
    assert refusal(name, value) is None


@pytest.mark.parametrize(
    "name",
    [
        "Host",
        "CONTENT-LENGTH",
        "content-type",
        "Content-Encoding",
        "Transfer-Encoding",
        "Connection",
        "Cookie",
        "Expect",
        "User-Agent",
        "Webhook-Id",
        "webhook-signature",
        "Proxy-Authorization",
        "ce-type",
        "X-Amz-Target",
        "x-goog-iam",
        "X-Azure-Ref",
    ],
)
def test_a_reserved_header_is_refused(name: str) -> None:
    assert "reserved" in (refusal(name, "x") or "")


@pytest.mark.parametrize("name", ["", "-x", "a b", "a:b", "a\r\nb", "é", "_x", "a" * 65])
def test_what_is_no_name_is_refused(name: str) -> None:
    assert refusal(name, "x")


@pytest.mark.parametrize(
    "value", ["", " a", "a ", "a\r\nX-Evil: b", "a\nb", "a\tb", "a\x00", "é", "\x7f", "a" * 4097]
)
def test_a_value_that_could_begin_another_header_is_refused(value: str) -> None:
    assert refusal("X-Note", value)
