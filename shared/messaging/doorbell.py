"""Rings doorbells: one thread and one connection a process, off everybody's path.

Whoever commits work calls `ring`, which only notes the name of the list. The thread publishes; the
rings that come in while a publish is under way become one. A broker that is slow, frozen or away
costs its callers nothing: the notes stay, at most one for each list, until it is back, and
meanwhile the watch of each worker finds the rows.
"""

import threading
import time
import uuid
from collections import Counter
from typing import Protocol

from dramatiq import Message

from shared.domain.trace_context import CURRENT, child, is_sampled
from shared.domain.work import ListName
from shared.failpoints import failpoint
from shared.messaging.carry_trace import OPTION
from shared.observability import metrics, tracing
from shared.observability.logging import get_logger
from shared.schemas.doorbell import ACTORS, Doorbell, dump_doorbell

KEEP_ALIVE_S = 2.0
FIRST_RETRY_S = 0.2
LAST_RETRY_S = 5.0

log = get_logger()


class Transport(Protocol):
    """How a message reaches a broker; used by one thread only."""

    def publish(self, queue: str, body: bytes) -> None:
        """Publish, or raise whatever went wrong."""
        ...

    def keep_alive(self) -> None:
        """Do what an idle connection needs."""
        ...

    def reset(self) -> None:
        """Drop a connection that failed."""
        ...

    def close(self) -> None:
        """Close for good."""
        ...


class DoorbellPublisher:
    """Collects rings and publishes them."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._pending: Counter[ListName] = Counter()
        #: The newest trace of the rings of each list, where there is one; of a kept one first.
        self._traces: dict[ListName, str] = {}
        self._changed = threading.Condition()
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="doorbell", daemon=True)
        self._started = False

    def ring(self, name: ListName) -> None:
        """Note that the list has work; returns at once, whatever state the broker is in."""
        with self._changed:
            if self._pending[name]:
                metrics.doorbells.labels(name, "merged").inc()
            self._pending[name] += 1
            trace = CURRENT.get()
            if trace is not None and (is_sampled(trace) or not is_sampled(self._traces.get(name))):
                self._traces[name] = trace
            if not self._started:
                # Started by the first ring and not before, so that it belongs to the process that
                # rings even when a server forked in between.
                self._started = True
                self._thread.start()
            self._changed.notify()
        metrics.doorbells.labels(name, "rung").inc()

    def close(self, timeout_s: float = 2.0) -> None:
        """Publish what is pending if that is quick, then stop."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        if self._started:
            self._thread.join(timeout_s)

    def _run(self) -> None:
        retry_s = FIRST_RETRY_S
        while (taken := self._take()) is not None:
            try:
                if taken:
                    self._publish(taken)
                    metrics.broker_unreachable.set(0)
                else:
                    self._transport.keep_alive()
                retry_s = FIRST_RETRY_S
            except Exception as error:  # noqa: BLE001 -- any failure means: later
                metrics.broker_unreachable.set(1)
                log.warning("doorbell.failed", error=repr(error), retry_s=retry_s)
                for name in taken:
                    metrics.doorbells.labels(name, "failed").inc()
                self._reset()
                self._put_back(taken)
                self._rest(retry_s)
                retry_s = min(retry_s * 2, LAST_RETRY_S)
        try:
            self._transport.close()
        except Exception as error:  # noqa: BLE001 -- nothing depends on a polite goodbye
            log.debug("doorbell.close_failed", error=repr(error))

    def _take(self) -> dict[ListName, int] | None:
        """Wait for rings; an empty mapping means idle, None means the end."""
        with self._changed:
            if not self._pending and not self._closing:
                self._changed.wait(KEEP_ALIVE_S)
            if self._closing and not self._pending:
                return None
            taken = dict(self._pending)
            self._pending.clear()
        if taken:
            failpoint("doorbell.taken")
        return taken

    def _publish(self, taken: dict[ListName, int]) -> None:
        for name, count in list(taken.items()):
            trace = self._traces.pop(name, None)
            failpoint("doorbell.publishing")
            with _ringing(name, count, trace) as ringing:
                place = ringing.traceparent or (child(trace) if trace is not None else None)
                self._transport.publish(name.value, _message(name, count, place))
            failpoint("doorbell.published")
            metrics.doorbells.labels(name, "published").inc()
            del taken[name]

    def _put_back(self, taken: dict[ListName, int]) -> None:
        with self._changed:
            if self._closing:
                self._pending.clear()
            else:
                self._pending.update(taken)

    def _rest(self, seconds: float) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._closing, timeout=seconds)

    def _reset(self) -> None:
        try:
            self._transport.reset()
        except Exception as error:  # noqa: BLE001 -- the connection is being thrown away
            log.debug("doorbell.reset_failed", error=repr(error))


def _ringing(name: ListName, count: int, trace: str | None) -> tracing.Span:
    if not tracing.on():
        return tracing.NOTHING
    attributes: tracing.Attributes = {
        "messaging.system": "dramatiq",
        "messaging.destination.name": name.value,
        "messaging.operation.name": "publish",
        "messaging.operation.type": "send",
        "patchbay.doorbell.rings": count,
    }
    return tracing.below(
        trace, f"publish {name.value}", tracing.Kind.PRODUCER, attributes=attributes
    )


def _message(name: ListName, count: int, trace: str | None = None) -> bytes:
    now_ms = int(time.time() * 1000)
    message: Message[None] = Message(
        queue_name=name.value,
        actor_name=ACTORS[name],
        args=(),
        kwargs=dump_doorbell(Doorbell(name, count, now_ms)),
        options={} if trace is None else {OPTION: trace},
        message_id=str(uuid.uuid4()),
        message_timestamp=now_ms,
    )
    return message.encode()
