"""RabbitMQ's consumers: no ack goes out on a connection that did not bring the message, and after
a drain nothing more is fetched.
"""

import threading
from collections.abc import Iterator
from typing import Any

import pika
import pytest
from dramatiq import Message, Middleware

from shared.domain.work import ListName
from shared.messaging.doorbell import _message
from shared.runtime import Runtime
from tests.fixtures.modes import Mode
from tests.probes import EveryRing, probe_service, start_probe
from tests.waiting import DEADLINE_S, eventually

pytestmark = pytest.mark.parametrize("mode", ["distributed"], indirect=True)

QUEUE = ListName.ROUTING.value
MESSAGES = 24


class Recorder(Middleware):
    """Remembers the ids of messages whose handler ran to its end, in order."""

    def __init__(self) -> None:
        self.processed: list[str] = []

    def after_process_message(self, broker: Any, message: Any, **_: Any) -> None:
        self.processed.append(message.message_id)


class Gate:
    """A handler that waits at a gate; tells how many stand there."""

    def __init__(self) -> None:
        self.opened = threading.Event()
        self.waiting = 0
        self._lock = threading.Lock()

    def __call__(self) -> int:
        with self._lock:
            self.waiting += 1
        assert self.opened.wait(DEADLINE_S)
        with self._lock:
            self.waiting -= 1
        return 0


@pytest.fixture
def channel(mode: Mode) -> Iterator[Any]:
    connection = pika.BlockingConnection(pika.URLParameters(mode.broker_url))
    yield connection.channel()
    if connection.is_open:
        connection.close()


def publish(runtime: Runtime) -> list[str]:
    """Publish messages that differ; return their ids."""
    transport = runtime._messaging.transport()
    ids = []
    for _ in range(MESSAGES):
        body = _message(ListName.ROUTING, 1)
        ids.append(Message.decode(body).message_id)
        transport.publish(QUEUE, body)
    transport.close()
    return ids


def left(channel: Any) -> int:
    """How many messages the queue holds that no consumer has."""
    return int(channel.queue_declare(QUEUE, passive=True).method.message_count)


def test_no_message_is_lost_when_the_connection_dies_under_running_handlers(
    mode: Mode, runtime: Runtime
) -> None:
    gate, recorder = Gate(), Recorder()
    service = probe_service(gate, runner=EveryRing)
    host = start_probe(runtime, service, threads=4, middleware=[recorder])
    try:
        published = publish(runtime)
        eventually(lambda: gate.waiting == 4)
        assert mode.rabbitmq is not None
        mode.rabbitmq.control("close_all_connections", "--vhost", mode.vhost, "a test wants it")
        # The consumer is back: it has fetched messages over a new connection, where the delivery
        # tags of those in hand are other messages' tags.
        consumers = host._worker.consumers
        eventually(lambda: back(consumers[QUEUE].consumer))
        gate.opened.set()
        eventually(lambda: set(recorder.processed) == set(published))
        # Those in hand when the connection died came again.
        eventually(lambda: len(recorder.processed) >= MESSAGES + 4)
    finally:
        gate.opened.set()
        host.stop(10)
    with pika.BlockingConnection(pika.URLParameters(mode.broker_url)) as connection:
        assert left(connection.channel()) == 0


def back(consumer: Any) -> bool:
    """Tell whether a consumer is connected and has a message that is not settled."""
    return bool(consumer and consumer.connection.is_open and consumer.known_tags)


def test_after_a_drain_nothing_is_fetched_and_what_is_in_hand_is_acked(
    mode: Mode, runtime: Runtime, channel: Any
) -> None:
    gate, recorder = Gate(), Recorder()
    service = probe_service(gate, runner=EveryRing)
    host = start_probe(runtime, service, threads=2, middleware=[recorder])
    try:
        publish(runtime)
        eventually(lambda: gate.waiting == 2)
        eventually(lambda: left(channel) == MESSAGES - 2)
        host._broker.drain()
        consumer = host._worker.consumers[QUEUE].consumer
        eventually(lambda: consumer._resting)
        gate.opened.set()
        eventually(lambda: len(recorder.processed) == 2)
    finally:
        gate.opened.set()
        clean = host.stop(10)
    assert clean
    assert len(recorder.processed) == 2
    assert left(channel) == MESSAGES - 2


def test_a_worker_holds_no_more_messages_than_it_has_threads(
    mode: Mode, runtime: Runtime, channel: Any
) -> None:
    gate = Gate()
    host = start_probe(runtime, probe_service(gate, runner=EveryRing), threads=3)
    try:
        publish(runtime)
        eventually(lambda: gate.waiting == 3)
        eventually(lambda: left(channel) == MESSAGES - 3)
    finally:
        gate.opened.set()
        host.stop(10)
