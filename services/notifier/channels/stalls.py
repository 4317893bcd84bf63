"""When this event loop stood still: a process that was frozen, a machine that was paused.

Deadlines pass meanwhile and all run out at once when it goes on. None of that is the receivers'
doing, who may have answered long ago.
"""

import asyncio

#: How often the loop notes that it runs, and from what delay on it stood still, in seconds.
BEAT_S, STOOD_STILL_S = 0.25, 1.0


class Stalls:
    """Notes the last time that the running loop stood still; `stop` ends the notes."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._last_s, self._ended_at = 0.0, self._loop.time()
        self._expected_at = 0.0
        self._next = self._wait()

    def lost_since(self, moment: float) -> float:
        """Return how many seconds the last stall took, if it ended after a moment of the loop."""
        return self._last_s if self._ended_at >= moment else 0.0

    def stop(self) -> None:
        """Note nothing more."""
        self._next.cancel()

    def _wait(self) -> asyncio.TimerHandle:
        self._expected_at = self._loop.time() + BEAT_S
        return self._loop.call_at(self._expected_at, self._beat)

    def _beat(self) -> None:
        # Timers that became due together run before the tasks that they wake up.
        late_s = self._loop.time() - self._expected_at
        if late_s >= STOOD_STILL_S:
            self._last_s, self._ended_at = late_s, self._loop.time()
        self._next = self._wait()
