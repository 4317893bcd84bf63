"""The broker inside the process: Dramatiq's StubBroker, made fit to run for months.

It forgets everything when the process ends, which is no loss: the rows are still ready.
"""

from typing import Any

from dramatiq import Message
from dramatiq.brokers.stub import StubBroker

from shared.messaging.carry_trace import CarryTrace


class PatchbayMemoryBroker(StubBroker):
    """StubBroker that does not keep rejected messages for ever."""

    def __init__(self) -> None:
        super().__init__(middleware=[CarryTrace()])

    def drain(self) -> None:
        """Stop fetching. Messages in memory go with the process; there is nothing to cancel."""

    def consume(self, queue_name: str, prefetch: int = 1, timeout: int = 100) -> Any:
        """Return a consumer whose rejected messages go nowhere: dead work is in the database."""
        consumer = super().consume(queue_name, prefetch, timeout)
        consumer.dead_letters = _Nowhere()  # type: ignore[attr-defined]
        return consumer


class _Nowhere(list[Any]):
    """A list that stays empty."""

    def append(self, _: Any) -> None:
        """Forget it."""


class MemoryTransport:
    """Publishes into the broker of the same process."""

    def __init__(self, broker: PatchbayMemoryBroker) -> None:
        self._broker = broker

    def publish(self, queue: str, body: bytes) -> None:
        """Put one message on the queue; where nobody consumes it, drop it."""
        if queue in self._broker.queues:
            self._broker.enqueue(Message.decode(body))

    def keep_alive(self) -> None:
        """Nothing to keep alive."""

    def reset(self) -> None:
        """Nothing to forget."""

    def close(self) -> None:
        """Nothing to close."""
