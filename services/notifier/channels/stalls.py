"""When this event loop stood still: a process that was frozen or got no processor.

Deadlines pass meanwhile and all run out at once when it goes on. None of that is the receivers'
doing, who may have answered long ago. A pause of the whole machine in which its clock stands still
as well is not seen, and needs not be: deadlines do not pass in it.
"""

import asyncio
from collections import deque

from shared.observability.logging import get_logger

#: How often the loop notes that it runs, and from what delay on it stood still, in seconds.
BEAT_S, STOOD_STILL_S = 0.25, 1.0

#: How many stalls are remembered; with a second each at least, more than fit into an exchange.
_REMEMBERED = 64

log = get_logger()


class Stalls:
    """Notes when the running loop stands still; `stop` ends the notes."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        #: When each ended, by the loop's clock, and how long it took.
        self._ended: deque[tuple[float, float]] = deque(maxlen=_REMEMBERED)
        self._expected_at = 0.0
        self._next = self._wait()

    def lost_since(self, moment: float) -> float:
        """Return for how many seconds since a moment of the loop's clock it stood still."""
        return sum(min(took, ended - moment) for ended, took in self._ended if ended > moment)

    def stop(self) -> None:
        """Note nothing more."""
        self._next.cancel()

    def _wait(self) -> asyncio.TimerHandle:
        self._expected_at = self._loop.time() + BEAT_S
        return self._loop.call_at(self._expected_at, self._beat)

    def _beat(self) -> None:
        # Timers that became due together run before the tasks that they wake up.
        now = self._loop.time()
        late_s = now - self._expected_at
        if late_s >= STOOD_STILL_S:
            self._ended.append((now, late_s))
            log.warning("notifier.stood_still", seconds=round(late_s, 1))
        self._next = self._wait()
