"""The publisher of doorbells: rings merge, none is lost, nobody waits for the broker."""

import threading
from time import monotonic

import dramatiq

from shared.domain.work import ListName
from shared.messaging.doorbell import DoorbellPublisher
from shared.schemas.doorbell import load_doorbell
from tests.waiting import DEADLINE_S, eventually


class GatedTransport:
    """Publishes when it is let; remembers how many rings each message stood for."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.entered = threading.Event()
        self.merged: list[tuple[str, int]] = []
        self.failures = 0
        self.resets = 0

    def publish(self, queue: str, body: bytes) -> None:
        self.entered.set()
        assert self.gate.wait(DEADLINE_S)
        if self.failures:
            self.failures -= 1
            raise ConnectionError("as the test wants")
        doorbell = load_doorbell(dramatiq.Message.decode(body).kwargs)
        self.merged.append((queue, doorbell.merged))

    def keep_alive(self) -> None: ...

    def reset(self) -> None:
        self.resets += 1

    def close(self) -> None: ...


def test_rings_merge_while_a_publish_is_under_way() -> None:
    transport = GatedTransport()
    publisher = DoorbellPublisher(transport)
    publisher.ring(ListName.ROUTING)
    assert transport.entered.wait(DEADLINE_S)
    for _ in range(100):
        publisher.ring(ListName.ROUTING)
    publisher.ring(ListName.EVENTS)
    transport.gate.set()
    eventually(lambda: len(transport.merged) == 3)
    publisher.close()
    assert transport.merged == [("routing", 1), ("routing", 100), ("events", 1)]


def test_rings_that_could_not_be_published_are_published_later() -> None:
    transport = GatedTransport()
    transport.failures = 2
    transport.gate.set()
    publisher = DoorbellPublisher(transport)
    publisher.ring(ListName.ROUTING)
    eventually(lambda: transport.merged)
    publisher.close()
    assert transport.merged[0][0] == "routing"
    assert transport.resets == 2


def test_a_frozen_transport_does_not_hold_up_the_end_of_a_process() -> None:
    transport = GatedTransport()
    publisher = DoorbellPublisher(transport)
    publisher.ring(ListName.ROUTING)
    assert transport.entered.wait(DEADLINE_S)
    started = monotonic()
    publisher.close(timeout_s=0.2)
    assert monotonic() - started < 2
    transport.gate.set()
