"""Work that time brings: rings lists whose rows become due, and runs small periodic jobs.

Every worker process has timers; a lease row lets one of them run. It rings a list at the moment its
next row is due, so a retry after five seconds comes after five seconds. When its process dies the
lease ends and another takes over; until then the watches find what is due.
"""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Connection

from shared.db import leases
from shared.db.engine import Database
from shared.domain.clock import Clock
from shared.domain.errors import PatchbayError
from shared.domain.work import ListName
from shared.failpoints import failpoint
from shared.observability import metrics
from shared.observability.logging import get_logger

LEASE = timedelta(seconds=10)
LONGEST_REST_S = 1.0
SHORTEST_REST_S = 0.02

log = get_logger()


@dataclass(frozen=True, slots=True)
class DueList:
    """A list, and how to tell when its next row becomes ready after a moment."""

    name: ListName
    next_due: Callable[[Connection, datetime], datetime | None]


@dataclass(slots=True)
class PeriodicJob:
    """A small job and how often it is to run.

    `leave` is called once another process has taken over: what this one measured is old then.
    """

    name: str
    every: timedelta
    run: Callable[[datetime], object]
    next_at: datetime | None = field(default=None)
    leave: Callable[[], object] | None = field(default=None)


class Timers:
    """A thread that does the above while this process holds the lease `name`."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        *,
        name: str,
        holder: str,
        lists: Sequence[DueList],
        jobs: Sequence[PeriodicJob],
        ring: Callable[[ListName], None],
    ) -> None:
        self._database = database
        self._clock = clock
        self._name = name
        self._holder = holder
        self._lists = lists
        self._jobs = jobs
        self._ring = ring
        self._leads = metrics.timers_leading.labels(name)
        self._renew_at: datetime | None = None
        self._looked_at: datetime | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="timers", daemon=True)

    def start(self) -> None:
        """Begin to compete for the lease."""
        self._thread.start()

    def stop(self, timeout_s: float) -> None:
        """Stop, and give the lease back."""
        self._stopping.set()
        self._thread.join(timeout_s)
        if self._renew_at is not None:
            try:
                leases.release(self._database, self._name, self._holder, self._clock.now())
            except PatchbayError as error:
                log.debug("timers.lease_kept", error=error.detail)

    def tick(self) -> float:
        """Do what is due; return how many seconds there is nothing to do."""
        now = self._clock.now()
        if not self._lead(now):
            self._leave()
            return LONGEST_REST_S
        failpoint("timers.leased")
        since, self._looked_at = self._looked_at or now, now
        rest = LONGEST_REST_S
        for due in self._lists:
            with self._database.reading() as connection:
                at = due.next_due(connection, since)
                if at is not None and at <= now:
                    failpoint("timers.due")
                    self._ring(due.name)
                    at = due.next_due(connection, now)
            if at is not None:
                rest = min(rest, (at - now).total_seconds())
        for job in self._jobs:
            if job.next_at is None or job.next_at <= now:
                _run_job(job, now)
                failpoint("timers.job_done")
                job.next_at = now + job.every
        return max(rest, SHORTEST_REST_S)

    def _lead(self, now: datetime) -> bool:
        if self._renew_at is not None and now < self._renew_at:
            return True
        held = leases.acquire(self._database, self._name, self._holder, now, LEASE)
        self._leads.set(held)
        self._renew_at = now + LEASE / 3 if held else None
        return held

    def _leave(self) -> None:
        for job in self._jobs:
            if job.next_at is not None:
                job.next_at = None
                if job.leave is not None:
                    job.leave()

    def _give_up(self) -> None:
        """Ask for the lease anew: whoever cannot do the work does not say that it does."""
        self._renew_at = None
        self._leads.set(0)

    def _run(self) -> None:
        while not self._stopping.is_set():
            rest = LONGEST_REST_S
            try:
                rest = self.tick()
            except PatchbayError as error:
                self._give_up()
                log.warning("timers.unavailable", error=error.detail)
            except Exception:
                self._give_up()
                log.exception("timers.failed")
            self._stopping.wait(rest)


def _run_job(job: PeriodicJob, now: datetime) -> None:
    """Run a job; one that fails is told and comes again at its time, and holds up no other."""
    try:
        job.run(now)
    except PatchbayError:
        raise
    except Exception:
        log.exception("timers.job_failed", job=job.name)
