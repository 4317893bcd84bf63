"""Runs the lists of one service in this process: doorbells, watch, timers, and a clean stop."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from time import monotonic
from typing import Any, Protocol

from dramatiq import Broker, Worker
from sqlalchemy import Connection

from shared.messaging.bind import bind
from shared.messaging.list_runner import ListRunner
from shared.messaging.timers import PeriodicJob, Timers
from shared.messaging.watch import Watch, Watched
from shared.observability import metrics
from shared.observability.logging import get_logger

BROKER_CLOSE_S = 2.0

log = get_logger()


class DrainableBroker(Protocol):
    """What both brokers add to Dramatiq's."""

    def drain(self) -> None:
        """Stop fetching messages."""
        ...


class Engine(Protocol):
    """Something with work of its own in flight, such as the deliveries."""

    def start(self) -> None:
        """Begin."""
        ...

    def begin_stop(self) -> None:
        """Begin nothing more."""
        ...

    def stop(self, timeout_s: float) -> bool:
        """Let what is in flight end within the bound; return whether it did."""
        ...


@dataclass(frozen=True, slots=True)
class Bound:
    """A list that a service handles."""

    runner: ListRunner
    has_ready: Callable[[Connection, datetime], bool]
    next_due: Callable[[Connection, datetime], datetime | None]


@dataclass(frozen=True, slots=True)
class Service:
    """What a service's bootstrap hands to its host."""

    name: str
    lists: Sequence[Bound]
    jobs: Sequence[PeriodicJob] = ()
    engines: Sequence[Engine] = field(default=())


class WorkerHost:
    """Holds the Dramatiq worker, the watch and the timers of a process."""

    def __init__(
        self,
        broker: Broker,
        services: Sequence[Service],
        threads: int,
        watch: Watch,
        timers: Timers,
    ) -> None:
        self._broker: Any = broker
        self._services = services
        self._watch = watch
        self._timers = timers
        for service in services:
            for bound in service.lists:
                bind(broker, bound.runner.name, bound.runner)
        # A list holds no more doorbells here than there are threads, so that few wait behind a busy
        # process while another is idle.
        self._worker = Worker(broker, worker_threads=threads, worker_timeout=200)
        self._worker.queue_prefetch = threads
        metrics.worker_threads.set(threads)

    def start(self) -> None:
        """Begin to work."""
        for service in self._services:
            for engine in service.engines:
                engine.start()
        self._worker.start()
        self._watch.start()
        self._timers.start()
        log.info("worker.started", lists=[b.runner.name.value for b in self._lists()])

    def stop(self, timeout_s: float) -> bool:
        """Stop fetching, finish what is in hand, close; return whether all of it got done in time.

        What is not finished is in the database and is somebody else's then.
        """
        deadline = monotonic() + timeout_s

        def left() -> float:
            return max(0.1, deadline - monotonic())

        engines = [engine for service in self._services for engine in service.engines]
        self._broker.drain()
        for engine in engines:
            engine.begin_stop()
        self._watch.stop(left())
        self._timers.stop(left())
        ended = [bound.runner.stop(left()) for bound in self._lists()]
        ended += [engine.stop(left()) for engine in engines]
        self._worker.stop(timeout=int(left() * 1000))
        # A frozen broker does not answer a goodbye; nobody waits for it.
        closing = threading.Thread(target=self._broker.close, name="broker-close", daemon=True)
        closing.start()
        closing.join(min(left(), BROKER_CLOSE_S))
        clean = all(ended)
        log.info("worker.stopped", clean=clean)
        return clean

    def _lists(self) -> list[Bound]:
        return [bound for service in self._services for bound in service.lists]


def watched(services: Sequence[Service]) -> list[Watched]:
    """Return what a watch over these services looks at."""
    return [
        Watched(bound.has_ready, bound.runner) for service in services for bound in service.lists
    ]
