"""Spans: what took how long, for whom, and what came of it; the seam that all other code sees.

Off unless `PATCHBAY_TRACING` says otherwise, and then nearly free: `on()` costs 50 ns, `span()`
hands out one object that does nothing, 0.2 µs with its `with` block, and nothing of OpenTelemetry
is imported. `shared.observability.otel` makes the real ones, and is the only door to the packages.

A span's place in its trace is a `traceparent`, kept in `CURRENT` like that of a request without
spans; so tickets, doorbells, log lines and webhooks carry it by the ways that were there before.
Traces begin with a request that has none, or with a batch that nobody rang for; what belongs to no
trace, such as a delivery of a bulk import, gets no span of its own (docs/adr/0028).
"""

import importlib
from collections.abc import Iterable, Mapping, Sequence
from contextvars import ContextVar
from enum import StrEnum
from time import time_ns
from types import TracebackType
from typing import Any, Protocol, Self

from shared.domain.trace_context import CURRENT, is_sampled
from shared.settings import SettingsError, Tracing

#: How long a process that ends waits for its last spans to leave, in seconds.
FLUSH_S = 2.0

Attributes = Mapping[str, str | float]


class Kind(StrEnum):
    """What a span is to its neighbours (OpenTelemetry, Trace API, SpanKind)."""

    INTERNAL = "internal"
    SERVER = "server"
    CLIENT = "client"
    PRODUCER = "producer"
    CONSUMER = "consumer"


class Span(Protocol):
    """Something that takes time; `with` makes what is done meanwhile belong to it."""

    @property
    def traceparent(self) -> str | None:
        """Its place, for whoever is told of it; None where there is no span."""
        ...

    def set(self, name: str, value: str | float) -> None:
        """Give it an attribute."""
        ...

    def link(self, traceparents: Iterable[str | None]) -> None:
        """Say that it is about these too, though not their child."""
        ...

    def fail(self, kind: str) -> None:
        """Mark it as failed; `kind` is a name from a small set, never what somebody wrote."""
        ...

    def begin(self) -> None:
        """Make what is done from now on belong to it."""
        ...

    def end(self) -> None:
        """End it, and go back to what was current before `begin`, if that was called."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, _: object, error: BaseException | None, __: TracebackType | None
    ) -> None: ...


class Recorder(Protocol):
    """Makes spans; `shared.observability.otel.Recorder` does."""

    def start(
        self,
        name: str,
        kind: Kind,
        parent: str | None,
        links: Iterable[str | None],
        attributes: Attributes | None,
        started_ns: int | None,
    ) -> Span:
        """Return a span that has begun now, or at `started_ns` (Unix time)."""
        ...

    def close(self, timeout_s: float) -> None:
        """Send what is left, as far as that is possible in this time."""
        ...


class _Nothing:
    """The span that is none."""

    __slots__ = ()
    traceparent: str | None = None

    def set(self, name: str, value: str | float) -> None:
        pass

    def link(self, traceparents: Iterable[str | None]) -> None:
        pass

    def fail(self, kind: str) -> None:
        pass

    def begin(self) -> None:
        pass

    def end(self) -> None:
        pass

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _: object, error: BaseException | None, __: TracebackType | None) -> None:
        pass


NOTHING: Span = _Nothing()

_recorder: Recorder | None = None


def require(tracing: Tracing) -> None:
    """Raise SettingsError if spans are wanted and cannot be made; for whoever forks or spawns."""
    if tracing is not Tracing.OFF:
        _build("").close(FLUSH_S)


def start(tracing: Tracing, service: str) -> None:
    """Make spans from now on if they are wanted; `service` says whose they are.

    Called in the process that does the work, after a server has forked: a thread of its own sends
    them. Raises SettingsError without the packages, or if they refuse their variables.
    """
    global _recorder  # noqa: PLW0603 -- like the metrics, one for a process
    if tracing is not Tracing.OFF and _recorder is None:
        _recorder = _build(service)


def stop() -> None:
    """Make no more spans, and send those that are left, for FLUSH_S at most."""
    global _recorder
    recorder, _recorder = _recorder, None
    if recorder is not None:
        recorder.close(FLUSH_S)


def on() -> bool:
    """Tell whether spans are made: ask before anything is gathered that only a span wants."""
    return _recorder is not None


def span(
    name: str,
    kind: Kind,
    parent: str | None,
    *,
    links: Iterable[str | None] = (),
    attributes: Attributes | None = None,
) -> Span:
    """Return a span below `parent`; without one it begins a trace."""
    if _recorder is None:
        return NOTHING
    return _recorder.start(name, kind, parent, links, attributes, None)


def below(
    parent: str | None, name: str, kind: Kind, *, attributes: Attributes | None = None
) -> Span:
    """Return a span below `parent`, and none where there is no trace to belong to."""
    if _recorder is None or parent is None:
        return NOTHING
    return _recorder.start(name, kind, parent, (), attributes, None)


def inner(name: str, kind: Kind = Kind.INTERNAL, attributes: Attributes | None = None) -> Span:
    """Return a span below what is being done now, if that is kept."""
    if _recorder is None or not is_sampled(parent := CURRENT.get()):
        return NOTHING
    return _recorder.start(name, kind, parent, (), attributes, None)


def gathered(name: str, traceparents: Iterable[str | None]) -> Span:
    """Return a span about what came together from several traces.

    Of one trace it is a part. Of several it is none: it begins its own, and links to them.
    """
    if _recorder is None:
        return NOTHING
    places = [place for place in dict.fromkeys(traceparents) if place is not None]
    if not places:
        return NOTHING
    if len(places) == 1:
        return _recorder.start(name, Kind.INTERNAL, places[0], (), None, None)
    return _recorder.start(name, Kind.INTERNAL, None, places, None, None)


def past(name: str, parent: str | None, started_ns: int, attributes: Attributes) -> None:
    """Leave a span of something that began at `started_ns` (Unix time) and has just ended.

    It is a child of `parent`, and links to what is being done now: this is how what a batch did
    for one ticket is found in the ticket's own trace.
    """
    if _recorder is not None and is_sampled(parent):
        current = CURRENT.get()
        links = (current,) if is_sampled(current) else ()
        _recorder.start(name, Kind.INTERNAL, parent, links, attributes, started_ns).end()


class _Batch:
    """A look at a work list, which is a span from the moment when it turns out to hold work."""

    def __init__(self, recorder: Recorder, name: str) -> None:
        self._recorder = recorder
        self._name = name
        self._started_ns = time_ns()
        self._parent = CURRENT.get()
        self._span = NOTHING
        self._before: _Batch | None = None

    def __enter__(self) -> Self:
        self._before = _BATCH.get()
        _BATCH.set(self)
        return self

    def __exit__(self, _: object, error: BaseException | None, __: TracebackType | None) -> None:
        _BATCH.set(self._before)
        self._span.__exit__(None, error, None)

    def claimed(self, rows: int, places: Sequence[str]) -> None:
        """Note that it holds rows, which belong to these traces, each named once."""
        if self._span is NOTHING:
            parent = self._parent
            if parent is None and len(places) == 1:
                # Nobody rang: the watch found a lonely row, whose trace is whole all the same.
                parent = places[0]
            attributes: Attributes = {
                "messaging.system": "dramatiq",
                "messaging.destination.name": self._name,
                "messaging.operation.name": "process",
                "messaging.operation.type": "process",
                "patchbay.batch.rows": rows,
            }
            name = f"process {self._name}"
            self._span = self._recorder.start(
                name, Kind.CONSUMER, parent, places, attributes, self._started_ns
            )
            self._span.begin()
        else:
            self._span.link(places)

    def fail(self, kind: str) -> None:
        """Mark it as failed."""
        self._span.fail(kind)


class Batch(Protocol):
    """What `batch` returns."""

    def __enter__(self) -> Any: ...

    def __exit__(
        self, _: object, error: BaseException | None, __: TracebackType | None
    ) -> None: ...


_BATCH: ContextVar[_Batch | None] = ContextVar("batch", default=None)


def batch(name: str) -> Batch:
    """Say for the length of a block that a work list is looked at.

    Its span, a child of the doorbell that brought it, begins when rows are `claimed`: a look that
    finds nothing leaves none.
    """
    return NOTHING if _recorder is None else _Batch(_recorder, name)


def claimed(rows: Iterable[Mapping[str, Any]]) -> None:
    """Link the batch under way to the traces of rows that it has claimed, as far as they know."""
    if _recorder is not None and (found := _BATCH.get()) is not None:
        traces = [row.get("traceparent") for row in rows]
        if traces:
            found.claimed(len(traces), [each for each in dict.fromkeys(traces) if each is not None])


def batch_failed(error: BaseException) -> None:
    """Mark the batch under way as failed."""
    if _recorder is not None and (found := _BATCH.get()) is not None:
        found.fail(type(error).__name__)


def _build(service: str) -> Recorder:
    try:
        otel = importlib.import_module("shared.observability.otel")
        recorder: Recorder = otel.Recorder(service)
    except ModuleNotFoundError as error:
        message = (
            f"PATCHBAY_TRACING: the packages for spans are not installed ({error.name} is missing);"
            " install patchbay[tracing], or set it to off"
        )
        raise SettingsError(message) from error
    except ValueError as error:
        message = f"One of the variables OTEL_… is wrong: {error}"
        raise SettingsError(message) from error
    return recorder
