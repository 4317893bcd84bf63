"""Waiting for a fact, with a bound."""

import threading
from collections.abc import Callable
from time import monotonic

POLL_INTERVAL_S = 0.02

_pause = threading.Event()


def wait_until(
    fact: Callable[[], bool], timeout_s: float, every_s: float = POLL_INTERVAL_S
) -> bool:
    """Ask `fact` until it is true or `timeout_s` has passed; return its last answer."""
    deadline = monotonic() + timeout_s
    while not fact():
        if monotonic() > deadline:
            return False
        _pause.wait(every_s)
    return True


def rest(seconds: float) -> None:
    """Let so much time pass."""
    _pause.wait(max(0.0, seconds))
