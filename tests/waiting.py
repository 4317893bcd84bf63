"""Waiting for a fact, with a deadline. No test sleeps for a time that somebody guessed."""

import threading
from collections.abc import Callable
from time import monotonic
from typing import TypeVar

DEADLINE_S = 20.0
POLL_S = 0.01

T = TypeVar("T")


class NeverHappened(AssertionError):
    """The fact did not come true in time."""


def eventually(probe: Callable[[], T], timeout_s: float = DEADLINE_S) -> T:
    """Ask until the answer is truthy and return it; raise NeverHappened with the last answer."""
    deadline = monotonic() + timeout_s
    pause = threading.Event()
    while not (answer := probe()):
        if monotonic() > deadline:
            raise NeverHappened(f"still {answer!r} after {timeout_s:g} s")
        pause.wait(POLL_S)
    return answer


def in_threads(count: int, call: Callable[[int], T]) -> list[T]:
    """Call `call(index)` in `count` threads that begin at the same moment; return the results.

    Raises the first error of any of them.
    """
    barrier = threading.Barrier(count)
    results: dict[int, T] = {}
    errors: list[BaseException] = []

    def run(index: int) -> None:
        barrier.wait()
        try:
            results[index] = call(index)
        except BaseException as error:  # noqa: BLE001 -- raised again below
            errors.append(error)

    threads = [threading.Thread(target=run, args=(index,)) for index in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    return [results[index] for index in range(count)]
