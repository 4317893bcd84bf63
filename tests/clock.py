"""A clock that runs like the machine's and can be moved forward: hours of retries in a moment."""

import threading
from datetime import datetime, timedelta

from shared.domain.clock import SystemClock


class ShiftedClock:
    """The machine's time plus whatever it was advanced by."""

    def __init__(self) -> None:
        self._system = SystemClock()
        self._lock = threading.Lock()
        self._offset = timedelta(0)

    def now(self) -> datetime:
        with self._lock:
            return self._system.now() + self._offset

    def advance(self, **delta: float) -> None:
        """Move forward by `timedelta(**delta)`."""
        with self._lock:
            self._offset += timedelta(**delta)
