"""Runs what follows the event feed from inside, in one process at a time.

It looks a few times a second and no more often: what happened to a ticket in between, such as its
being made and assigned, is then handled once. Nobody waits for it, so where much has happened it
rests between its steps: tickets that wait to be routed and told come first.
"""

import threading
from collections.abc import Callable
from datetime import timedelta
from time import monotonic

from shared.db import leases
from shared.db.engine import Database
from shared.domain.clock import Clock
from shared.domain.errors import PatchbayError
from shared.observability.logging import get_logger

#: Between two looks, in seconds.
INTERVAL_S = 0.3
#: After a step that leaves more to do it rests for so many times as long as the step took.
REST = 2
#: For how long a process that died keeps others from taking over.
LEASE = timedelta(seconds=10)

log = get_logger()


class FeedFollower:
    """An engine of a service: a thread that calls `step` while this process holds the lease."""

    def __init__(
        self, database: Database, clock: Clock, name: str, holder: str, step: Callable[[], bool]
    ) -> None:
        self._database = database
        self._clock = clock
        self._name = f"feed:{name}"
        self._holder = holder
        self._step = step
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._held = False

    def start(self) -> None:
        """Begin to compete for the lease."""
        self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
        self._thread.start()

    def begin_stop(self) -> None:
        """Begin no further step."""
        self._stopping.set()

    def stop(self, timeout_s: float) -> bool:
        """Let the present step end, and give the lease back."""
        self._stopping.set()
        if self._thread is None:
            return True
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        renew_at = self._clock.now()
        while not self._stopping.is_set():
            more, began = False, monotonic()
            try:
                now = self._clock.now()
                if not self._held or now >= renew_at:
                    self._held = self._acquire()
                    renew_at = now + LEASE / 3
                more = self._held and self._step()
            except PatchbayError as error:
                self._held = False
                log.warning("follower.unavailable", follower=self._name, error=error.detail)
            except Exception:
                log.exception("follower.failed", follower=self._name)
            took = monotonic() - began
            self._stopping.wait(min(INTERVAL_S, took * REST) if more else INTERVAL_S)
        self._release()

    def _acquire(self) -> bool:
        now = self._clock.now()
        return leases.acquire(self._database, self._name, self._holder, now, LEASE)

    def _release(self) -> None:
        if self._held:
            try:
                leases.release(self._database, self._name, self._holder, self._clock.now())
            except PatchbayError as error:
                log.debug("follower.lease_kept", error=error.detail)
