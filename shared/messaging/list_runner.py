"""Runs the handler of one work list, so that batches form by themselves.

However many doorbells come, at most `width` runs of a list are under way in a process. A ring that
comes while all are busy makes a run look once more at its end; so work that arrives during a batch
becomes the next batch, and a storm of doorbells costs one claim.
"""

import threading
from collections.abc import Callable
from time import perf_counter

from shared.domain.errors import Unavailable
from shared.domain.work import ListName
from shared.observability import metrics, tracing
from shared.observability.logging import get_logger

log = get_logger()


class ListRunner:
    """One list's handler in this process. Callable from any thread.

    `measured` is false of a handler that only wakes somebody, who measures what was found.
    """

    def __init__(
        self,
        name: ListName,
        handle: Callable[[], int],
        *,
        full_batch: int,
        ring: Callable[[ListName], None],
        width: int = 1,
        measured: bool = True,
    ) -> None:
        self.name = name
        self._handle = handle
        self._full_batch = full_batch
        self._ring = ring
        self._width = width
        self._measured = measured
        self._lock = threading.Lock()
        self._idle = threading.Condition(self._lock)
        self._running = 0
        self._again = False
        self._stopping = False

    def __call__(self) -> int:
        """Handle batches until the list has nothing new; return the number of rows handled.

        Never raises: what failed is still in the list, and the watch comes back to it.
        """
        if not self._enter():
            return 0
        handled = 0
        try:
            found = self._full_batch
            while self._go_on(found):
                began = perf_counter()
                with tracing.batch(self.name):
                    found = self._handle()
                    self._measure(found, perf_counter() - began)
                    handled += found
                    if found >= self._full_batch:
                        self._ring(self.name)
        except Unavailable as error:
            self._leave()
            metrics.batches_failed.labels(self.name, "unavailable").inc()
            log.warning("list.unavailable", list=self.name, error=error.detail)
        except Exception:
            self._leave()
            metrics.batches_failed.labels(self.name, "error").inc()
            log.exception("list.failed", list=self.name)
        else:
            if self._measured and not handled:
                metrics.doorbells.labels(self.name, "empty").inc()
        return handled

    def _measure(self, found: int, took_s: float) -> None:
        if self._measured and found:
            metrics.batch_rows.labels(self.name).observe(found)
            metrics.batch_seconds.labels(self.name).observe(took_s)

    def _enter(self) -> bool:
        with self._lock:
            if self._running >= self._width:
                self._again = True
                return False
            self._running += 1
            return True

    def _go_on(self, found: int) -> bool:
        """Decide on another batch; when there is none, leave under the same lock.

        A ring that came between the decision and the leaving would otherwise be nobody's.
        """
        with self._lock:
            again, self._again = self._again, False
            if not self._stopping and (again or found >= self._full_batch):
                return True
            self._running -= 1
            self._idle.notify_all()
            return False

    def _leave(self) -> None:
        """Leave after an error; rings that were merged into the failed run are rung again."""
        with self._lock:
            again, self._again = self._again, False
            self._running -= 1
            self._idle.notify_all()
        if again:
            self._ring(self.name)

    def stop(self, timeout_s: float) -> bool:
        """Begin no further batch and wait for those under way; return whether they ended."""
        with self._lock:
            self._stopping = True
            return self._idle.wait_for(lambda: self._running == 0, timeout_s)
