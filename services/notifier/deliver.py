"""Sends what is due on one channel, many at a time, and records each result as it comes.

Nothing here waits for a batch: as soon as one receiver answers its place is free, and results that
arrive while others are being written are written together. So a receiver that hangs holds its own
place until its deadline and nobody else's, and the number of transactions follows the speed of the
database, not the number of deliveries.
"""

import asyncio
import contextlib
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Protocol, TypeVar

from sqlalchemy import Connection

from services.notifier.channels.base import Delivered, NotWanted, Outcome, Postponed
from services.notifier.job import Claimed, Job
from services.notifier.places import Places
from services.notifier.repository import DeliveryRepository
from services.notifier.results import Results, storable
from shared.domain.clock import Clock
from shared.domain.errors import PatchbayError, Unavailable
from shared.domain.trace_context import trace_id
from shared.failpoints import failpoint
from shared.observability import metrics
from shared.observability.logging import get_logger

#: How long to rest when the database cannot be reached, before the results are written again.
RECORD_RETRY_S = 1.0

log = get_logger()

T = TypeVar("T")


class Sender(Protocol):
    """Sends one job over a channel."""

    async def send(self, job: Job) -> Outcome:
        """Return what became of it; never raises for what the other side did."""
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...


class Claims(Protocol):
    """Leases the deliveries of a channel."""

    def claim(self, now: datetime, places: Places) -> Claimed:
        """Lease what is due and has room in the places that are free."""
        ...

    def has_ready(self, connection: Connection, before: datetime) -> bool:
        """Tell whether something that may be sent has been due since `before`."""
        ...

    def next_due(self, connection: Connection, after: datetime) -> datetime | None:
        """Return when the next delivery may be sent, after a moment."""
        ...


class DeliveryEngine:
    """One channel's deliveries in this process, on an event loop of its own.

    `limit` bounds what is in flight, `share` what is in flight to one receiver. With fewer than
    `least` free places it counts as full; `call_others` rings for other processes then.
    """

    def __init__(
        self,
        name: str,
        claims: Claims,
        repository: DeliveryRepository,
        build_sender: Callable[["DeliveryEngine"], Sender],
        results: Results,
        clock: Clock,
        *,
        limit: int,
        share: int,
        call_others: Callable[[], None],
        least: int = 1,
    ) -> None:
        self.name = name
        self.claims = claims
        self.repository = repository
        self._sender = build_sender(self)
        self._results = results
        self._clock = clock
        self._places = Places(limit, share)
        self._least = least
        self._call_others = call_others
        self._loop: asyncio.AbstractEventLoop | None = None
        self._database_threads = ThreadPoolExecutor(2, thread_name_prefix=f"{name}-db")
        self._thread: threading.Thread | None = None
        self._wake = asyncio.Event()
        self._recorded = asyncio.Event()
        self._finished: list[tuple[Job, Outcome]] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._in_flight = metrics.deliveries_in_flight.labels(name)
        self._durations = metrics.delivery_seconds.labels(name)
        self._waits = metrics.delivery_wait_seconds.labels(name)
        self._empty = metrics.doorbells.labels(name, "empty")
        metrics.delivery_places.labels(name).set(limit)
        self._full = False
        self._rung = False
        self._stopping = False
        self._drained = False

    def start(self) -> None:
        """Begin; looks at its list at once."""
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(
            target=self._run, args=(self._loop,), name=f"{self.name}-engine", daemon=True
        )
        self._thread.start()
        self.poke()

    def poke(self) -> int:
        """Have a look at the list, from any thread; returns 0, for the work goes on elsewhere."""
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: the process is stopping
                self._loop.call_soon_threadsafe(self._wake.set)
        return 0

    def ring(self) -> int:
        """Have a look for a doorbell; returns 0 like `poke`."""
        self._rung = True
        return self.poke()

    def begin_stop(self) -> None:
        """Lease nothing more."""
        self._stopping = True
        self.poke()

    def stop(self, timeout_s: float) -> bool:
        """Let what is in flight end, and record it; return whether all of it ended in time.

        What takes longer than the bound is left to its lease and sent again by another process.
        """
        self.begin_stop()
        clean = True
        if self._thread is not None:
            self._thread.join(timeout_s)
            clean = not self._thread.is_alive()
        if not clean:
            log.warning("engine.abandoned", channel=self.name, in_flight=len(self._tasks))
        self._database_threads.shutdown(wait=False)
        return clean

    async def in_thread(self, call: Callable[[], T]) -> T:
        """Run a database call without holding up the loop."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._database_threads, call)

    def _run(self, loop: asyncio.AbstractEventLoop) -> None:
        asyncio.set_event_loop(loop)
        try:
            loop.run_until_complete(self._work())
        except Exception:
            log.exception("engine.failed", channel=self.name)
        finally:
            loop.close()

    async def _work(self) -> None:
        recorder = asyncio.create_task(self._record_results())
        while not self._stopping:
            await self._wake.wait()
            self._wake.clear()
            try:
                await self._lease_all()
            except Unavailable as error:
                log.warning("engine.unavailable", channel=self.name, error=error.detail)
            except Exception:
                log.exception("engine.lease_failed", channel=self.name)
        if self._tasks:
            await asyncio.wait(self._tasks)
        self._drained = True
        self._recorded.set()
        await recorder
        await self._sender.close()

    async def _lease_all(self) -> None:
        """Lease until nothing is due or there is no room; what gets free later pokes again."""
        rung, self._rung = self._rung, False
        while not self._stopping:
            if self._places.free < self._least:
                if not self._full:
                    self._full = True
                    self._call_others()
                return
            self._full = False
            now, places = self._clock.now(), self._places.copy()
            claimed = await self.in_thread(
                lambda now=now, places=places: self.claims.claim(  # type: ignore[misc]
                    now, places
                )
            )
            if rung and not claimed.jobs:
                self._empty.inc()
            rung = False
            self._in_flight.inc(len(claimed.jobs))
            if claimed.jobs:
                failpoint("deliver.leased")
            for job in claimed.jobs:
                waited = (now - job.delivery["available_at"]).total_seconds()
                self._waits.observe(max(waited, 0))
                self._places.take(job.receiver, job.delivery["rank"], job.places)
                task = asyncio.create_task(self._send(job))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
            if not claimed.more:
                return

    async def _send(self, job: Job) -> None:
        try:
            outcome = storable(await self._sender.send(job))
            failpoint("deliver.sent")
        except Exception as error:
            # A fault of ours, not the receiver's: recorded like any failure, so that it is seen
            # and ends, instead of coming back for ever.
            log.exception("delivery.crashed", delivery=job.delivery["id"])
            outcome = self._results.crash(error)
        self._places.give_back(job.receiver, job.delivery["rank"], job.places)
        self._in_flight.dec()
        self._finished.append((job, outcome))
        self._recorded.set()

    async def _record_results(self) -> None:
        while True:
            await self._recorded.wait()
            self._recorded.clear()
            finished, self._finished = self._finished, []
            if finished:
                await self._record(finished)
                # Places are free, and the next events of these tickets may go.
                self._wake.set()
            if self._drained and not self._finished:
                return

    async def _record(self, finished: Sequence[tuple[Job, Outcome]]) -> None:
        now = self._clock.now()
        ended = self._results.finished(finished, now)
        while True:
            try:
                await self.in_thread(lambda: self.repository.record(ended))
                break
            except PatchbayError as error:
                # Without the record the lease ends and the event is sent once more; a receiver
                # that got it knows it by its id.
                log.warning("engine.record_failed", channel=self.name, error=error.detail)
                if self._stopping:
                    return
                await asyncio.sleep(RECORD_RETRY_S)
            except Exception:
                log.exception("engine.record_failed", channel=self.name, rows=len(finished))
                if len(finished) > 1:
                    for one in finished:
                        await self._record([one])
                return
        failpoint("deliver.recorded")
        for job, outcome in finished:
            _log(self.name, job, outcome)
            self._durations.observe(outcome.duration_ms / 1000)
        for kind, count in Counter(type(outcome).__name__ for _, outcome in finished).items():
            metrics.deliveries.labels(self.name, kind).inc(count)


def _log(channel: str, job: Job, outcome: Outcome) -> None:
    """Leave a line that the request's correlation id finds; a loud one if it went wrong."""
    facts = {
        "channel": channel,
        "delivery": job.delivery["id"],
        "event_id": job.delivery["event_id"],
        "attempt": job.attempt,
        "correlation_id": job.delivery["correlation_id"],
    }
    if job.delivery["traceparent"] is not None:
        facts["trace_id"] = trace_id(job.delivery["traceparent"])
    if isinstance(outcome, Delivered):
        log.debug("delivery.done", **facts)
    elif isinstance(outcome, NotWanted | Postponed):
        log.info("delivery.not_sent", reason=outcome.reason, **facts)
    else:
        log.warning("delivery.failed", reason=outcome.reason, status=outcome.status, **facts)
