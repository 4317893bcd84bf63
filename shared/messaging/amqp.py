"""RabbitMQ under Dramatiq, with the defects of the stock transport cured.

What goes wrong in stock Dramatiq 2.2 and what is done about it here:

- After a reconnect an ack goes out on the *new* channel, where the same delivery tag is another
  message. `OwnedConsumer` acks only what it delivered itself.
- Messages that were prefetched over a connection that died run here and elsewhere. `DropStale`
  skips them.
- Consumers prefetch while the process drains. `drain` cancels consumption first and keeps the
  connection alive for heartbeats and acks.
- Queues that vanish (a wiped broker) are not declared again for consumers. Here they always are.
- A frozen or blocked broker hangs its clients without end. Every wait has a bound.

Delay queues and dead-letter queues are not declared: delays, retries and dead work live in the
database.
"""

from contextlib import suppress
from typing import Any

import dramatiq.worker
import pika
from dramatiq import Middleware
from dramatiq.brokers.rabbitmq import RabbitmqBroker, _RabbitmqConsumer
from dramatiq.common import q_name
from dramatiq.errors import ConnectionClosed
from dramatiq.middleware import SkipMessage

from shared.domain.broker_url import parse_broker_url
from shared.messaging.broker_tls import tls_of
from shared.messaging.carry_trace import CarryTrace
from shared.settings import QueueType

HEARTBEAT_S = 10
SOCKET_TIMEOUT_S = 5
BLOCKED_TIMEOUT_S = 5

#: How soon a consumer whose connection broke tries again; stock Dramatiq rests three seconds.
CONSUMER_RESTART_DELAY_S = 1

dramatiq.worker.CONSUMER_RESTART_DELAY_SECS = CONSUMER_RESTART_DELAY_S
dramatiq.worker.POST_PROCESS_MESSAGE_RETRY_DELAY_SECS = CONSUMER_RESTART_DELAY_S


def connection_parameters(url: str) -> pika.URLParameters:
    """Return parameters for a broker URL with a bound on every wait; see `broker_tls` for TLS.

    Raises ValueError, or OSError for a file that it names.
    """
    address = parse_broker_url(url)
    parameters = pika.URLParameters(address.url)
    parameters.ssl_options = tls_of(address)
    parameters.heartbeat = HEARTBEAT_S
    parameters.socket_timeout = SOCKET_TIMEOUT_S
    parameters.stack_timeout = SOCKET_TIMEOUT_S
    parameters.blocked_connection_timeout = BLOCKED_TIMEOUT_S
    parameters.connection_attempts = 1
    return parameters


def queue_arguments(queue_type: QueueType) -> dict[str, Any]:
    """Return what a queue is declared with; publisher and consumer must agree to the letter."""
    return {} if queue_type is QueueType.CLASSIC else {"x-queue-type": "quorum"}


class OwnedConsumer(_RabbitmqConsumer):
    """A consumer that acks and rejects only messages that came over its own channel."""

    _resting = False

    def __next__(self) -> Any:
        if self.broker.draining:
            return self._rest()
        message = super().__next__()
        if message is not None:
            message.patchbay_owner = self
        return message

    def ack(self, message: Any) -> None:
        if self.owns(message):
            super().ack(message)

    def nack(self, message: Any) -> None:
        if self.owns(message):
            super().nack(message)

    def owns(self, message: Any) -> bool:
        """Tell whether the broker still regards this message as ours to settle.

        When not, it has been queued again already, and its tag may be another message's.
        """
        return message.patchbay_owner is self and bool(self.connection.is_open)

    def _rest(self) -> None:
        """Take no more messages, but answer heartbeats and send the acks of running handlers."""
        try:
            if not self._resting:
                self._resting = True
                self.channel.cancel()
            self.connection.process_data_events(time_limit=0.2)
        except pika.exceptions.AMQPError as error:
            raise ConnectionClosed(error) from None


class DropStale(Middleware):
    """Skips messages whose connection is gone; the broker has given them to somebody else."""

    def before_process_message(self, broker: Any, message: Any) -> None:
        owner = getattr(message, "patchbay_owner", None)
        if owner is not None and not owner.connection.is_open:
            reason = "delivered over a connection that is gone"
            raise SkipMessage(reason)


class PatchbayRabbitmqBroker(RabbitmqBroker):
    """The consuming side. Publishing is `AmqpTransport`'s; this broker never enqueues."""

    def __init__(self, url: str, queue_type: QueueType, prefix: str = "") -> None:
        super().__init__(url=parse_broker_url(url).url, middleware=[DropStale(), CarryTrace()])
        self.parameters = connection_parameters(url)
        self.queue_type = queue_type
        self.prefix = prefix
        self.draining = False

    @property
    def consumer_class(self) -> type[OwnedConsumer]:
        """The consumer that Dramatiq's threads use."""
        return OwnedConsumer

    def drain(self) -> None:
        """Stop fetching; what is in hand goes on."""
        self.draining = True

    def consume(self, queue_name: str, prefetch: int = 1, timeout: int = 5000) -> OwnedConsumer:
        """Consume the queue that has this name behind the prefix of the installation."""
        self.declare_queue(queue_name, ensure=True)
        return self.consumer_class(self, self.prefix + queue_name, prefetch, timeout)

    def declare_queue(self, queue_name: str, *, ensure: bool = False) -> None:
        """Declare a work queue, and no delay or dead-letter queue beside it.

        With `ensure` it is declared on the server even if that was done before: it may have been
        wiped since.
        """
        name = q_name(queue_name)
        if name not in self.queues:
            self.emit_before("declare_queue", name)
            self.queues.add(name)
            self.emit_after("declare_queue", name)
        if ensure:
            try:
                self.channel.queue_declare(
                    queue=self.prefix + name,
                    durable=True,
                    arguments=queue_arguments(self.queue_type),
                )
            except (pika.exceptions.AMQPError, OSError) as error:
                raise ConnectionClosed(error) from None
            finally:
                # The declaring connection belongs to a consumer thread that will not use it again;
                # left open it would miss its heartbeats.
                del self.connection


def abort(connection: Any, reason: str) -> None:
    """Close a connection without a goodbye, whose answer a frozen broker would not give."""
    connection._impl._terminate_stream(pika.exceptions.StreamLostError(reason))  # noqa: SLF001
    with suppress(pika.exceptions.AMQPError):
        # The socket is closed by the connection's own loop.
        connection.process_data_events(time_limit=0)


class AmqpTransport:
    """The publishing side: one connection, owned by the publisher's thread."""

    def __init__(self, url: str, queue_type: QueueType, prefix: str = "") -> None:
        self._parameters = connection_parameters(url)
        self._arguments = queue_arguments(queue_type)
        self._prefix = prefix
        self._connection: Any = None
        self._channel: Any = None

    def publish(self, queue: str, body: bytes) -> None:
        """Publish one message and wait for the broker's confirm; declare the queue if it is gone.

        Doorbells are not persistent: they are worth nothing after a restart, and need no fsync.
        Raises pika's errors or OSError when the broker cannot be reached or does not answer.
        """
        channel, queue = self._open_channel(), self._prefix + queue
        properties = pika.BasicProperties(delivery_mode=1)
        try:
            channel.basic_publish("", queue, body, properties, mandatory=True)
        except pika.exceptions.UnroutableError:
            channel.queue_declare(queue=queue, durable=True, arguments=self._arguments)
            channel.basic_publish("", queue, body, properties, mandatory=True)

    def keep_alive(self) -> None:
        """Answer heartbeats; called while there is nothing to publish."""
        if self._connection is not None:
            self._connection.process_data_events(time_limit=0)

    def reset(self) -> None:
        """Forget the connection after an error; the next publish opens another."""
        connection, self._connection, self._channel = self._connection, None, None
        if connection is not None and connection.is_open:
            abort(connection, "given up after an error")

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None and self._connection.is_open:
            self._connection.close()

    def _open_channel(self) -> Any:
        if self._channel is None or not self._channel.is_open:
            self.reset()
            self._connection = pika.BlockingConnection(self._parameters)
            self._channel = self._connection.channel()
            self._channel.confirm_delivery()
        return self._channel
