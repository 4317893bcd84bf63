"""The seam of spans: what it hands out when nothing makes them, and when the SDK will not."""

import pytest

from shared.domain.trace_context import CURRENT, belonging_to
from shared.observability import tracing
from shared.observability.tracing import NOTHING, Kind
from tests.fixtures.collectors import spanning

GIVEN = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
NOT_KEPT = GIVEN[:-1] + "0"
NOWHERE = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"}


def test_off_every_span_is_the_one_that_is_none() -> None:
    asked = []

    def traces() -> object:
        asked.append(True)
        yield GIVEN

    with belonging_to(GIVEN):
        for span in (
            tracing.span("a", Kind.SERVER, GIVEN),
            tracing.below(GIVEN, "a", Kind.CLIENT),
            tracing.inner("a"),
            tracing.gathered("a", traces()),
            tracing.batch("routing"),
        ):
            assert span is NOTHING
            with span:
                assert CURRENT.get() == GIVEN
    assert not asked


def test_a_span_is_current_for_as_long_as_its_block(monkeypatch: pytest.MonkeyPatch) -> None:
    with spanning(NOWHERE, monkeypatch), belonging_to(GIVEN):
        with tracing.inner("outer") as outer:
            assert CURRENT.get() == outer.traceparent != GIVEN
            with tracing.inner("inner") as inner:
                assert CURRENT.get() == inner.traceparent != outer.traceparent
            assert CURRENT.get() == outer.traceparent
        assert CURRENT.get() == GIVEN


def test_what_belongs_to_no_trace_or_to_one_that_is_not_kept_has_no_inner_spans(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with spanning(NOWHERE, monkeypatch):
        assert tracing.inner("a") is NOTHING
        assert tracing.below(None, "a", Kind.CLIENT) is NOTHING
        assert tracing.gathered("a", [None]) is NOTHING
        with belonging_to(NOT_KEPT):
            assert tracing.inner("a") is NOTHING


def test_a_batch_that_finds_nothing_leaves_no_span(monkeypatch: pytest.MonkeyPatch) -> None:
    with spanning(NOWHERE, monkeypatch), belonging_to(GIVEN), tracing.batch("routing"):
        tracing.claimed([])
        assert CURRENT.get() == GIVEN
        tracing.claimed([{"traceparent": None}])
        assert CURRENT.get() != GIVEN


def test_with_the_sdk_disabled_the_trace_goes_on_as_without_spans(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with spanning({"OTEL_SDK_DISABLED": "true"}, monkeypatch):
        with belonging_to(GIVEN), tracing.span("a", Kind.SERVER, GIVEN) as span:
            assert (span.traceparent, CURRENT.get()) == (None, GIVEN)
        with tracing.span("a", Kind.SERVER, None) as span:
            assert (span.traceparent, CURRENT.get()) == (None, None)
