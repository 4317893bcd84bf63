"""Binds a handler to a doorbell on a broker: no decorators, no global broker.

A failure is never raised into Dramatiq: the handler has recorded it on the row, or the row is still
ready, and the message has done its work either way.
"""

from collections.abc import Callable

import dramatiq
from dramatiq import Broker
from marshmallow import ValidationError

from shared.domain.work import ListName
from shared.observability import metrics
from shared.observability.logging import get_logger
from shared.schemas.doorbell import ACTORS, load_doorbell

log = get_logger()


def bind(broker: Broker, name: ListName, run: Callable[[], int]) -> None:
    """Declare the actor of a list on this broker; each doorbell calls `run`."""

    def receive(**payload: object) -> None:
        try:
            doorbell = load_doorbell(payload)
        except ValidationError as error:
            # Whatever it was, somebody rang: looking costs one query.
            log.warning("doorbell.unreadable", list=name, errors=error.messages)
        else:
            log.debug("doorbell.received", list=name, merged=doorbell.merged)
        metrics.doorbells.labels(name, "received").inc()
        with metrics.worker_threads_busy.track_inprogress():
            run()

    dramatiq.actor(broker=broker, actor_name=ACTORS[name], queue_name=name.value)(receive)
