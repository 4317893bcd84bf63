"""A look at a RabbitMQ server that changes nothing: version, alarms, rights, queues, consumers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import pika
from pika.exceptions import AMQPError, ChannelClosedByBroker

from shared.domain.errors import Unavailable
from shared.domain.work import ListName
from shared.messaging.amqp import abort, connection_parameters
from shared.messaging.broker_rights import NOWHERE, Right, missing_rights

#: For how long an alarm is waited for, in seconds. The server tells it to whoever publishes.
ALARM_S = 0.5
_NOT_FOUND = 404


@dataclass(frozen=True, slots=True)
class QueueLook:
    """A queue: messages that nobody has taken, and who listens."""

    messages: int
    consumers: int


@dataclass(frozen=True, slots=True)
class BrokerLook:
    """What a server tells. `queues` has None for a queue that is not there.

    `missing` is what `user` lacks which right to on `vhost`; nobody asks that during an alarm.
    """

    product: str
    version: str
    connect_ms: float
    alarm: bool
    queues: Mapping[ListName, QueueLook | None]
    user: str
    vhost: str
    missing: Mapping[Right, Sequence[str]]


def look_at(url: str, prefix: str = "") -> BrokerLook:
    """Connect to a server and look around; raises Unavailable with what it said."""
    started, parameters = perf_counter(), connection_parameters(url)
    try:
        connection: Any = pika.BlockingConnection(parameters)
    except (AMQPError, OSError) as error:
        raise Unavailable(_reason(error)) from error
    connect_ms = (perf_counter() - started) * 1000
    alarm = False
    try:
        properties = connection._impl.server_properties or {}  # noqa: SLF001 -- told nowhere else
        queues = {name: _queue(connection, prefix + name.value) for name in ListName}
        alarm = _alarm(connection)
        missing = {} if alarm else missing_rights(connection, [prefix + name for name in ListName])
    except (AMQPError, OSError) as error:
        raise Unavailable(_reason(error)) from error
    finally:
        if alarm and connection.is_open:
            # It reads no more of this connection: a polite goodbye would wait for an answer.
            abort(connection, "the server has an alarm")
        elif connection.is_open:
            connection.close()
    return BrokerLook(
        str(properties.get("product", "an AMQP server")),
        str(properties.get("version", "")),
        connect_ms,
        alarm,
        queues,
        parameters.credentials.username,
        parameters.virtual_host,
        missing,
    )


def _alarm(connection: Any) -> bool:
    """Publish to nobody, and tell whether the server says that it takes nothing.

    Comes last: with an alarm, it answers nothing more on this connection.
    """
    blocked: list[bool] = []
    connection.add_on_connection_blocked_callback(lambda *_: blocked.append(True))
    connection.channel().basic_publish("", NOWHERE, b"")
    deadline = perf_counter() + ALARM_S
    # It returns for anything that happens, such as the end of a channel whose queue is not there.
    while not blocked and perf_counter() < deadline:
        connection.process_data_events(time_limit=ALARM_S / 5)
    return bool(blocked)


def _queue(connection: Any, name: str) -> QueueLook | None:
    channel = connection.channel()
    try:
        found = channel.queue_declare(queue=name, passive=True).method
    except ChannelClosedByBroker as error:
        if error.reply_code == _NOT_FOUND:
            return None
        raise
    channel.close()
    return QueueLook(found.message_count, found.consumer_count)


def _reason(error: Exception) -> str:
    """Return what an error says; pika's say it in the one that they wrap, or not at all."""
    inner = error.args[0] if error.args else None
    said = getattr(inner, "exception", inner) if not isinstance(inner, str) else inner
    text = str(said or error).strip() or type(error).__name__
    return f"{type(error).__name__}: {text}" if text != type(error).__name__ else text
