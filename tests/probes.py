"""A service with one list whose handler is the test's: what messaging is tested with."""

from collections.abc import Callable, Iterable
from typing import Any

from shared.domain.work import ListName
from shared.messaging.list_runner import ListRunner
from shared.messaging.worker_host import Bound, Service, WorkerHost
from shared.runtime import Runtime


class EveryRing(ListRunner):
    """Runs the handler for each doorbell, also at the same time; merging would hide messages."""

    def __call__(self) -> int:
        return self._handle()


def probe_service(
    handle: Callable[[], int],
    *,
    name: ListName = ListName.ROUTING,
    runner: type[ListRunner] = ListRunner,
) -> Service:
    """Return a service that handles one list; its watch and timers never find anything."""
    bound = Bound(
        runner(name, handle, full_batch=1_000_000, ring=lambda _: None),
        has_ready=lambda connection, before: False,
        next_due=lambda connection, after: None,
    )
    return Service("probe", [bound])


def start_probe(
    runtime: Runtime, service: Service, threads: int = 2, middleware: Iterable[Any] = ()
) -> WorkerHost:
    """Start a host for the service; the caller stops it."""
    host = runtime.host([service], threads)
    for each in middleware:
        host._broker.add_middleware(each)
    host.start()
    return host
