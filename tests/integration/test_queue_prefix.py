"""Two installations on one virtual host of RabbitMQ: each rings and hears its own doorbells."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from shared.domain.errors import Unavailable
from shared.domain.work import ListName
from shared.messaging.broker_look import look_at
from shared.messaging.own_queues import delete_queues, try_queues
from shared.messaging.worker_host import WorkerHost
from shared.observability import metrics
from shared.runtime import Runtime
from shared.settings import Settings
from tests.waiting import eventually

PREFIX = "another."

pytestmark = pytest.mark.parametrize("mode", ["distributed"], indirect=True)


def heard() -> float:
    return metrics.doorbells.labels(ListName.ROUTING, "received")._value.get()


def test_queues_with_a_prefix_are_beside_those_without(
    settings: Settings, new_runtime: Callable[..., Runtime], start_host: Callable[..., WorkerHost]
) -> None:
    runtime = new_runtime(replace(settings, queue_prefix=PREFIX))
    try_queues(settings.broker_url, PREFIX)
    start_host(runtime, ("router",))
    before = heard()
    runtime.ring(ListName.ROUTING)
    eventually(lambda: heard() > before)
    url = settings.broker_url
    assert look_at(url, PREFIX).queues[ListName.ROUTING] is not None
    assert look_at(url).queues[ListName.ROUTING] is None
    delete_queues(url, PREFIX)
    with pytest.raises(ValueError, match="somebody else"):
        delete_queues(url, "")


def test_a_broker_that_refuses_says_so(settings: Settings) -> None:
    place = settings.broker_url.removeprefix("amqp://").rpartition("@")[2]
    stranger = f"amqp://nobody:wrong@{place}"
    with pytest.raises(Unavailable, match="lets no queue be made"):
        try_queues(stranger, PREFIX)
