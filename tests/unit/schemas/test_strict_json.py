"""Bodies: JSON is read as everybody reads it, and what can be read in two ways is refused."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.errors import MalformedRequest
from shared.schemas.strict_json import MAX_NESTING, parse_json

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(-1e18, 1e18)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(
        st.characters(exclude_categories=["Cs"]), max_size=4), inner, max_size=4),
    max_leaves=20,
)  # fmt: skip

REFUSED = [
    pytest.param(b"", "empty document", id="nothing"),
    pytest.param(b'{"a":1,"a":2}', "/a twice", id="a member twice"),
    pytest.param(b'{"a" :1,"a":2}', "/a twice", id="a space before one colon"),
    pytest.param(b'{"a"\n:1,"a"\t:2}', "/a twice", id="white space before both colons"),
    pytest.param(b'{"a":"\\":","a" :2,"b":1}', "/a twice", id="a colon in a text makes up for it"),
    pytest.param(b'{"x":[{},{"b/c":1,"b\\u002fc":2}]}', "/x/1/b~1c twice", id="escaped, inside"),
    pytest.param(b"NaN", "unexpected character", id="NaN"),
    pytest.param(b'{"a":-Infinity}', "line 1 column", id="Infinity"),
    pytest.param(b'{"a":"\\ud800"}', "surrogate", id="half a surrogate pair"),
    pytest.param(b'{"a":"\xed\xa0\x80"}', "not UTF-8: byte 7", id="half a pair in bytes"),
    pytest.param(b'{"a": "\xff"}', "not UTF-8: byte 8", id="no UTF-8"),
    pytest.param('{"a":1}'.encode("utf-16"), "not UTF-8", id="UTF-16"),
    pytest.param(b'\xef\xbb\xbf{"a":1}', "BOM", id="a byte order mark"),
    pytest.param(b'{"a":1} x', "line 1 column 9", id="text after it"),
    pytest.param(b'{"a":1}{"a":1}', "after document", id="two documents"),
    pytest.param(b"[" * 100_000, "depth", id="nesting without end"),
    pytest.param(b"[" * 33 + b"]" * 33, "32 levels", id="nesting beyond the bound"),
    pytest.param(b'{"a":' * 33 + b"1" + b"}" * 33, "32 levels", id="objects beyond the bound"),
    pytest.param(b"1e400", "infinity", id="beyond a double"),
    pytest.param(b'{"a":18446744073709551616}', "too large", id="beyond 64 bits"),
    pytest.param(b"[1e19]", "too large", id="beyond what is exact"),
    pytest.param(b"9" * 100_000, "infinity", id="a number without end"),
    pytest.param(b'{"a":01}', "line 1", id="a leading zero"),
    pytest.param(b"{'a':1}", "line 1", id="other quotes"),
    pytest.param(b'{"a":1,}', "trailing comma", id="a trailing comma"),
    pytest.param(b'{"a":"\n"}', "line 1", id="a bare line end in a text"),
]


@pytest.mark.parametrize(("body", "told"), REFUSED)
def test_what_is_no_json_is_refused_with_the_place(body: bytes, told: str) -> None:
    with pytest.raises(MalformedRequest) as refused:
        parse_json(body)
    assert told in refused.value.detail


@given(VALUES)
def test_everything_else_is_read_as_by_the_standard_library(value: Any) -> None:
    for text in (json.dumps(value), json.dumps(value, ensure_ascii=False, indent=1)):
        assert parse_json(text.encode()) == json.loads(text)


@given(VALUES, st.text('abc":\\ \t', max_size=4), st.sampled_from([":", " :", "\n:", ": "]))
def test_no_member_comes_twice_whatever_is_around_it(value: Any, name: str, colon: str) -> None:
    member = f"{json.dumps(name)}{colon}{json.dumps(value)}"
    with pytest.raises(MalformedRequest, match="twice"):
        parse_json(f'{{"first": 1, {member}, "between": [{{}}], {member}}}'.encode())


def test_nesting_up_to_the_bound_is_read() -> None:
    assert parse_json(b"[" * MAX_NESTING + b"]" * MAX_NESTING)
