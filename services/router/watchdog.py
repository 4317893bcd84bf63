"""Interrupts plugins that take too long.

A watchdog raises an error inside of the thread that waits for the plugin. It works for Python code
on CPython, not for a call that never comes back from C.
"""

import ctypes
import threading
from collections.abc import Callable
from time import monotonic
from typing import TypeVar

R = TypeVar("R")


class TooSlow(Exception):
    """A plugin used up its time for one batch."""


class _Interrupt(BaseException):
    """Raised by the watchdog inside of a plugin; no `except Exception` there keeps it."""


class _Batch(threading.local):
    """What a thread's plugins took in its batch; `nested_s` is the part within other plugins."""

    def __init__(self) -> None:
        self.spent_s: dict[str, float] = {}
        self.nested_s = 0.0


class Watchdog:
    """Bounds the seconds that each plugin may take in one batch.

    `begin` starts a batch for the calling thread. One thread a process looks after all the others;
    it begins with the first call that is watched, and rests while there are none.
    """

    def __init__(self, limit_s: float) -> None:
        self.limit_s = limit_s
        self._deadlines: dict[int, float] = {}
        self._hit: set[int] = set()
        # Held while an interrupt is sent, so that none is under way once it was taken.
        self._sending = threading.Lock()
        self._wake = threading.Condition()
        self._resting = True
        self._thread: threading.Thread | None = None
        self._batch = _Batch()

    def begin(self) -> None:
        """Forget what plugins took in the batch before."""
        self._batch.spent_s = {}

    def run(self, plugin: str, call: Callable[[], R]) -> R:
        """Return what the call returns; raises TooSlow when the plugin has used up its time."""
        batch = self._batch
        before, nested_s = batch.spent_s.get(plugin, 0.0), batch.nested_s
        if before > self.limit_s:
            raise self._too_slow()
        me, started = threading.get_ident(), monotonic()
        outer = self._deadlines.get(me)
        try:
            try:
                try:
                    self._arm(me, started + self.limit_s - before)
                    result = call()
                finally:
                    self._disarm(me)
            finally:
                # Once more if an interrupt came just before the first one began.
                if me in self._deadlines or me in self._hit:
                    self._disarm(me)
                took = monotonic() - started
                # A plugin is not charged for another one that it asked.
                batch.spent_s[plugin] = before + took - (batch.nested_s - nested_s)
                batch.nested_s = nested_s + took
                if outer is not None:
                    self._arm(me, outer + took)
        except _Interrupt:
            raise self._too_slow() from None
        if batch.spent_s[plugin] > self.limit_s:
            # It came back late by itself, or kept its interrupt.
            raise self._too_slow()
        return result

    def _too_slow(self) -> TooSlow:
        return TooSlow(f"took longer than {self.limit_s:g} s in one batch")

    def _arm(self, thread: int, deadline: float) -> None:
        self._deadlines[thread] = deadline
        # Read after the deadline is written, and the watchdog rests only after it found none: one
        # of the two sees the other.
        if self._resting:
            with self._wake:
                if self._thread is None:
                    self._thread = threading.Thread(
                        target=self._run, name="plugin-watchdog", daemon=True
                    )
                    self._thread.start()
                self._wake.notify()

    def _disarm(self, thread: int) -> None:
        """Take the deadline back, and an interrupt that was sent and has not shown yet.

        Each step may be repeated, because an interrupt may come between any two of them.
        """
        while True:
            try:
                self._deadlines.pop(thread, None)
                with self._sending:
                    pass
                if thread in self._hit:
                    _raise_in(thread, None)
                    self._hit.discard(thread)
            except _Interrupt:
                continue
            return

    def _run(self) -> None:
        while True:
            self._interrupt_the_late(monotonic())
            with self._wake:
                self._resting = True
                if self._deadlines:
                    self._resting = False
                # It looks a few times within the limit; nobody has to wake it for each call.
                self._wake.wait(None if self._resting else self.limit_s / 4)
                self._resting = False

    def _interrupt_the_late(self, now: float) -> None:
        for thread, deadline in list(self._deadlines.items()):
            if deadline <= now:
                with self._sending:
                    # Only the very call that is late; its thread may be at the next one already.
                    if self._deadlines.get(thread) == deadline:
                        self._hit.add(thread)
                        _raise_in(thread, _Interrupt)


def _raise_in(thread: int, error: type[BaseException] | None) -> None:
    """Raise an error in a thread as soon as it runs Python code; None takes it back."""
    value = ctypes.py_object() if error is None else ctypes.py_object(error)
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), value)
