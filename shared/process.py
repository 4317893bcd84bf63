"""A process from its start to its end: memory, health port, signals, a drain with a bound."""

import os
import resource
import signal
import threading
from collections.abc import Callable, Sequence
from types import FrameType

from sqlalchemy import text

from shared.db.resealing import require_keys
from shared.db.schema import require_current
from shared.domain.errors import Unavailable
from shared.garbage import settle
from shared.messaging.worker_host import Service
from shared.observability import tracing
from shared.observability.health import HealthServer
from shared.observability.logging import get_logger
from shared.runtime import Runtime

#: How often a child looks whether its supervisor is still there.
PARENT_CHECK_S = 1.0

#: How many files and connections a process may have open, if the system allows it.
MOST_FILES = 65_536

#: Orders to end: by a process manager, by Ctrl-C, by a terminal that is closed.
ENDINGS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)

log = get_logger()


def on_ending(handler: Callable[[int, FrameType | None], None]) -> None:
    """Have a handler called when the process is to end; what nohup(1) ignores stays ignored."""
    for number in ENDINGS:
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, handler)


def files_allowed() -> int:
    """Return how many files and connections a process of ours may have open at most."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    unlimited = resource.RLIM_INFINITY
    raised = MOST_FILES if hard == unlimited else min(hard, MOST_FILES)
    return MOST_FILES if soft == unlimited else max(soft, raised)


def allow_files() -> None:
    """Raise the limit of open files as far as the system lets us, up to MOST_FILES.

    The usual soft limit, 1,024, is that low for programs that call select(), which cannot count
    further; none of ours does. http://0pointer.net/blog/file-descriptor-limits.html
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = files_allowed()
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    except (ValueError, OSError) as error:  # some systems have a lower limit that they do not tell
        log.warning("process.files_limited", allowed=soft, wanted=wanted, error=str(error))


def run(
    runtime: Runtime,
    services: Sequence[Service],
    threads: int,
    health: tuple[str, int] | None,
    parent: int | None,
) -> bool:
    """Run services until SIGTERM, SIGINT or SIGHUP, or until the process `parent` is gone.

    Then fetches no more, finishes what is in hand within PATCHBAY_SHUTDOWN_TIMEOUT_S and returns
    whether all of it got done; the rest is still in the database. A second signal ends at once,
    unless it is SIGHUP, which a terminal that is closed may send twice (setpgid(2), exit(2)).
    Raises SchemaBehind on a database that does not fit, SecretUnreadable without its keys.
    """
    allow_files()
    require_current(runtime.database)
    require_keys(runtime.database)
    tracing.start(runtime.settings.tracing, "-".join(service.name for service in services))
    stopping = threading.Event()

    def stop(number: int, _: FrameType | None) -> None:
        if stopping.is_set() and number != signal.SIGHUP:
            os._exit(128 + number)
        stopping.set()

    on_ending(stop)
    server = None
    if health is not None:
        server = HealthServer(*health, readiness(runtime, stopping))
        server.start()
        log.info("health.listening", port=server.port)
    host = runtime.host(services, threads)
    host.start()
    settle()
    while not stopping.wait(PARENT_CHECK_S):
        if parent is not None and os.getppid() != parent:
            log.warning("worker.orphaned", parent=parent)
            break
    clean = host.stop(runtime.settings.shutdown_timeout_s)
    if server is not None:
        server.close()
    runtime.close()
    tracing.stop()
    return clean


def readiness(runtime: Runtime, stopping: threading.Event) -> Callable[[], dict[str, str]]:
    """Return what a worker's /readyz asks: the database answers, and no drain has begun.

    The broker is no part of it: without one a worker is slower, not unready.
    """

    def check() -> dict[str, str]:
        if stopping.is_set():
            return {"worker": "draining"}
        try:
            with runtime.database.reading() as connection:
                connection.execute(text("SELECT 1"))
        except Unavailable as error:
            return {"database": error.detail}
        return {}

    return check
