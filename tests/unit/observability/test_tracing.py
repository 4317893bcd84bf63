"""The seam of spans: what it hands out when nothing makes them, and when the SDK will not."""

import pytest
import structlog
from prometheus_client import REGISTRY

from shared.domain.trace_context import CURRENT, belonging_to, trace_id
from shared.observability import tracing
from shared.observability.tracing import NOTHING, Kind
from shared.settings import SettingsError, Tracing
from tests.collector import Collector
from tests.fixtures.collectors import spanning
from tests.waiting import eventually

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


def test_a_lonely_row_that_the_watch_found_stays_in_its_trace(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    other = GIVEN.replace("4bf9", "0000")
    with spanning(NOWHERE, monkeypatch):
        for rows, whole in (([GIVEN, None, GIVEN], True), ([GIVEN, other], False)):
            with tracing.batch("routing"):
                tracing.claimed({"traceparent": each} for each in rows)
                assert (trace_id(CURRENT.get() or "--") == trace_id(GIVEN)) is whole


def test_with_the_sdk_disabled_the_trace_goes_on_as_without_spans(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with spanning({"OTEL_SDK_DISABLED": "true"}, monkeypatch):
        with belonging_to(GIVEN), tracing.span("a", Kind.SERVER, GIVEN) as span:
            assert (span.traceparent, CURRENT.get()) == (None, GIVEN)
        with tracing.span("a", Kind.SERVER, None) as span:
            assert (span.traceparent, CURRENT.get()) == (None, None)


def test_spans_that_a_collector_does_not_take_are_counted_and_told_once_with_the_reason(
    collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = collector.variables["OTEL_EXPORTER_OTLP_ENDPOINT"] + "/elsewhere"
    wrong = {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": place, "OTEL_BSP_SCHEDULE_DELAY": "20"}
    before = failed()
    with structlog.testing.capture_logs() as lines, spanning(wrong, monkeypatch):
        for count in (1, 2):
            tracing.span("a", Kind.SERVER, None).end()
            eventually(lambda count=count: failed() - before == count)
    [line] = [each for each in lines if each["event"] == "spans.not_exported"]
    assert "404" in line["reason"]


def failed() -> float:
    return REGISTRY.get_sample_value("patchbay_spans_total", {"outcome": "failed"}) or 0.0


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OTEL_TRACES_SAMPLER", "sometimes"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "long"),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "few"),
        ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "100000"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "zip"),
    ],
)
def test_a_variable_that_the_sdk_does_not_take_is_refused_at_the_start(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match="One of the variables OTEL_"):
        tracing.require(Tracing.OTLP)
    assert not tracing.on()
