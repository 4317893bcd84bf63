"""The only place where backends are chosen: two URLs decide what everything above runs on."""

import os
import secrets
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from dramatiq import Broker

from shared.db import stranded
from shared.db.engine import Database, open_database
from shared.db.figures import reader as figures_reader
from shared.db.figures.reader import FigureReader
from shared.domain.clock import Clock, SystemClock
from shared.domain.work import ListName
from shared.messaging.amqp import AmqpTransport, PatchbayRabbitmqBroker
from shared.messaging.doorbell import DoorbellPublisher, Transport
from shared.messaging.memory import MemoryTransport, PatchbayMemoryBroker
from shared.messaging.timers import DueList, PeriodicJob, Timers
from shared.messaging.watch import Watch
from shared.messaging.worker_host import Service, WorkerHost, watched
from shared.observability import metrics
from shared.observability.armed import arm_failpoints
from shared.settings import Settings
from shared.storage.base import Storage
from shared.storage.factory import storage_for


@dataclass(frozen=True, slots=True)
class Messaging:
    """The two sides of a broker; the consuming one is built only where it is wanted."""

    consumer: Callable[[], Broker]
    transport: Callable[[], Transport]


def _memory(_: Settings) -> Messaging:
    broker = PatchbayMemoryBroker()
    return Messaging(lambda: broker, lambda: MemoryTransport(broker))


def _amqp(settings: Settings) -> Messaging:
    given = settings.broker_url, settings.queue_type, settings.queue_prefix
    return Messaging(lambda: PatchbayRabbitmqBroker(*given), lambda: AmqpTransport(*given))


_MESSAGING: dict[str, Callable[[Settings], Messaging]] = {
    "memory": _memory,
    "amqp": _amqp,
    "amqps": _amqp,
}


class Runtime:
    """What a process needs to be a service. Opens nothing when it is built."""

    def __init__(self, settings: Settings, clock: Clock | None = None) -> None:
        self.settings = settings
        arm_failpoints(settings)
        self.clock: Clock = clock or SystemClock()
        self.database: Database = open_database(settings, settings.database_pool_size)
        metrics.database_pool_size.set(self.database.pool_bound)
        self.storage: Storage = storage_for(settings)
        self._messaging = _MESSAGING[settings.broker_url.partition(":")[0]](settings)
        self.doorbells = DoorbellPublisher(self._messaging.transport())
        #: How often tickets of live requests were committed by this process.
        self.live_commits = 0
        #: Names this process in leases and logs.
        self.holder = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(3)}"

    def ring(self, name: ListName) -> None:
        """Ring a list's doorbell; never waits."""
        self.doorbells.ring(name)

    def host(self, services: Sequence[Service], threads: int) -> WorkerHost:
        """Return a host that runs these services in this process, not yet started."""
        lists = [
            DueList(bound.runner.name, bound.next_due)
            for service in services
            for bound in service.lists
        ]
        watch = Watch(self.database, self.clock, watched(services), self.settings.watch_interval_s)
        figures = FigureReader(self.database, self.holder)
        timers = Timers(
            self.database,
            self.clock,
            name="timers:" + "+".join(service.name for service in services),
            holder=self.holder,
            lists=lists,
            jobs=[
                *(job for service in services for job in service.jobs),
                PeriodicJob("read figures", figures_reader.EVERY, figures),
                PeriodicJob(
                    "end stranded sessions",
                    stranded.EVERY,
                    lambda _: stranded.end_stranded(self.database),
                ),
            ],
            ring=self.ring,
        )
        return WorkerHost(self._messaging.consumer(), services, threads, watch, timers)

    def close(self) -> None:
        """Close the publisher and the database pool."""
        self.doorbells.close()
        self.database.close()
