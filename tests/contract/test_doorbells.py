"""A ring reaches its handler over both brokers, and nothing that goes wrong with rings matters."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from time import monotonic
from typing import Any

import dramatiq
import pika
import pytest

from shared.domain.work import ListName
from shared.messaging.amqp import AmqpTransport
from shared.messaging.doorbell import _message
from shared.messaging.worker_host import Service, WorkerHost
from shared.runtime import Runtime
from shared.schemas.doorbell import ACTORS, load_doorbell
from shared.settings import QueueType, Settings
from tests.fixtures.modes import Mode
from tests.probes import probe_service, start_probe
from tests.waiting import eventually, in_threads


class Handler:
    """Counts its runs."""

    def __init__(self) -> None:
        self.runs = 0

    def __call__(self) -> int:
        self.runs += 1
        return 0


@pytest.fixture
def handler() -> Handler:
    return Handler()


@pytest.fixture
def host(runtime: Runtime, handler: Handler) -> Iterator[WorkerHost]:
    host = start_probe(runtime, probe_service(handler))
    yield host
    host.stop(10)


def publish(runtime: Runtime, body: bytes) -> None:
    """Put a message on the queue past the publisher."""
    transport = runtime._messaging.transport()
    try:
        transport.publish(ListName.ROUTING.value, body)
    finally:
        transport.close()


def message(**kwargs: Any) -> bytes:
    routing = ListName.ROUTING
    return bytes(
        dramatiq.Message(
            queue_name=routing.value, actor_name=ACTORS[routing], args=(), kwargs=kwargs, options={}
        ).encode()
    )


def test_a_ring_reaches_the_handler_of_its_list(
    runtime: Runtime, host: WorkerHost, handler: Handler
) -> None:
    runtime.ring(ListName.ROUTING)
    eventually(lambda: handler.runs == 1)


def test_a_ring_for_a_list_that_nobody_handles_here_does_no_harm(
    runtime: Runtime, host: WorkerHost, handler: Handler
) -> None:
    runtime.ring(ListName.EMAIL)
    runtime.ring(ListName.ROUTING)
    eventually(lambda: handler.runs == 1)


def test_duplicates_and_old_doorbells_do_no_harm(
    runtime: Runtime, host: WorkerHost, handler: Handler
) -> None:
    body = _message(ListName.ROUTING, 1)
    in_threads(20, lambda _: publish(runtime, body))
    eventually(lambda: handler.runs >= 1)
    before = handler.runs
    runtime.ring(ListName.ROUTING)
    eventually(lambda: handler.runs > before)
    assert handler.runs <= 21


@pytest.mark.parametrize(
    "kwargs", [{}, {"list": "nonsense", "merged": "x"}, {"newer": True, "list": "routing"}]
)
def test_a_doorbell_that_cannot_be_read_still_makes_the_handler_look(
    runtime: Runtime, host: WorkerHost, handler: Handler, kwargs: dict[str, Any]
) -> None:
    publish(runtime, message(**kwargs))
    eventually(lambda: handler.runs == 1)


def test_a_doorbell_of_a_newer_release_is_understood() -> None:
    payload = {"list": "routing", "merged": 3, "rung_at_ms": 7, "version": 2, "lane": "bulk"}
    doorbell = load_doorbell(payload)
    assert (doorbell.list, doorbell.merged, doorbell.version) == (ListName.ROUTING, 3, 2)


@pytest.mark.parametrize("mode", ["distributed"], indirect=True)
@pytest.mark.parametrize("body", [b"", b"garbage", b"[]", b'{"queue_name": "routing"}'])
def test_rubbish_on_the_queue_does_not_stop_the_consumer(
    mode: Mode, runtime: Runtime, host: WorkerHost, handler: Handler, body: bytes
) -> None:
    publish(runtime, body)
    runtime.ring(ListName.ROUTING)
    eventually(lambda: handler.runs >= 1)


@pytest.mark.parametrize("mode", ["distributed"], indirect=True)
def test_a_queue_that_was_deleted_is_declared_again(
    mode: Mode, runtime: Runtime, host: WorkerHost, handler: Handler
) -> None:
    runtime.ring(ListName.ROUTING)
    eventually(lambda: handler.runs == 1)
    with pika.BlockingConnection(pika.URLParameters(mode.broker_url)) as connection:
        connection.channel().queue_delete(ListName.ROUTING.value)
    runtime.ring(ListName.ROUTING)
    eventually(lambda: handler.runs == 2)


@pytest.mark.parametrize("mode", ["distributed"], indirect=True)
def test_publisher_and_consumer_come_back_after_all_connections_were_closed(
    mode: Mode, runtime: Runtime, host: WorkerHost, handler: Handler
) -> None:
    runtime.ring(ListName.ROUTING)
    eventually(lambda: handler.runs == 1)
    assert mode.rabbitmq is not None
    mode.rabbitmq.control("close_all_connections", "--vhost", mode.vhost, "a test wants it")

    def rung_and_heard() -> bool:
        runtime.ring(ListName.ROUTING)
        return handler.runs > 1

    eventually(rung_and_heard)


@pytest.mark.parametrize("mode", ["distributed"], indirect=True)
def test_a_connection_without_its_channel_is_given_up_whole(mode: Mode) -> None:
    """The broker closes the channel alone after some errors."""
    transport = AmqpTransport(mode.broker_url, QueueType.CLASSIC)
    transport.publish(ListName.ROUTING.value, b"1")
    given_up = transport._connection
    transport._channel.close()
    assert given_up.is_open
    transport.publish(ListName.ROUTING.value, b"2")
    assert not given_up.is_open
    transport.close()


@pytest.mark.parametrize("mode", ["distributed"], indirect=True)
def test_a_broker_that_cannot_be_reached_holds_up_nobody(
    mode: Mode, settings: Settings, new_runtime: Callable[..., Runtime]
) -> None:
    runtime = new_runtime(replace(settings, broker_url="amqp://guest:guest@127.0.0.1:1/"))
    started = monotonic()
    for _ in range(1000):
        runtime.ring(ListName.ROUTING)
    assert monotonic() - started < 1
    started = monotonic()
    runtime.close()
    assert monotonic() - started < 3


def test_what_is_pending_at_the_end_is_still_published(
    runtime: Runtime, new_runtime: Callable[..., Runtime], mode: Mode
) -> None:
    if not mode.distributed:
        pytest.skip("the memory broker ends with its process")
    ringing = new_runtime()
    ringing.ring(ListName.ROUTING)
    ringing.close()
    with pika.BlockingConnection(pika.URLParameters(mode.broker_url)) as connection:
        answer = connection.channel().queue_declare(ListName.ROUTING.value, passive=True)
    assert answer.method.message_count == 1


def test_the_memory_broker_keeps_no_rejected_messages(
    mode: Mode, runtime: Runtime, host: WorkerHost, handler: Handler
) -> None:
    if mode.distributed:
        pytest.skip("about the memory broker")
    unknown = dramatiq.Message(
        queue_name="routing", actor_name="nobody.does_this", args=(), kwargs={}, options={}
    )
    for _ in range(10):
        publish(runtime, unknown.encode())
    runtime.ring(ListName.ROUTING)
    eventually(lambda: handler.runs >= 1)
    kept: Any = host._broker
    assert sum(len(letters) for letters in kept.dead_letters_by_queue.values()) == 0


def test_every_service_builds_a_host_that_starts_and_stops_clean(
    runtime: Runtime, start_host: Callable[..., WorkerHost]
) -> None:
    host = start_host(runtime)
    services: list[Service] = list(host._services)
    assert {service.name for service in services} == {"router", "notifier"}
    assert host.stop(10) is True
