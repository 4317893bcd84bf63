"""W3C Trace Context: what is taken of a traceparent, and what is sent on."""

import pytest

from shared.domain.trace_context import accepted, child, trace_id

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


@pytest.mark.parametrize("flags", ["00", "01", "ff"])
def test_a_traceparent_of_the_first_version_is_kept_as_it_is(flags: str) -> None:
    assert accepted(f"00-{TRACE}-{PARENT}-{flags}") == f"00-{TRACE}-{PARENT}-{flags}"


@pytest.mark.parametrize("more", ["", "-what-may-come"])
def test_a_later_version_is_read_as_the_first(more: str) -> None:
    assert accepted(f"cc-{TRACE}-{PARENT}-01{more}") == f"00-{TRACE}-{PARENT}-01"


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "nonsense",
        f"00-{TRACE}-{PARENT}",
        f"00-{TRACE}-{PARENT}-01-more",
        f"cc-{TRACE}-{PARENT}-01more",
        f"ff-{TRACE}-{PARENT}-01",
        f"00-{'0' * 32}-{PARENT}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE.upper()}-{PARENT}-01",
        f"00-{TRACE}-{PARENT}-01, 00-{TRACE}-{PARENT}-01",
    ],
)
def test_what_is_no_traceparent_is_not_kept(text: str | None) -> None:
    assert accepted(text) is None


def test_what_is_sent_on_has_the_trace_and_flags_and_a_parent_of_its_own() -> None:
    kept = f"00-{TRACE}-{PARENT}-01"
    first, second = child(kept), child(kept)
    assert len({kept, first, second}) == 3
    assert {trace_id(first), trace_id(second)} == {TRACE}
    assert first.endswith("-01")
    assert accepted(first) == first
