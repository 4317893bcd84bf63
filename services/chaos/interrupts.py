"""Signals that end a proof: the first one does, in order, and none disturbs the cleaning up."""

import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from types import FrameType

_ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def undisturbed() -> Iterator[None]:
    """Let these signals come at the end of the block, however it ends."""
    if threading.current_thread() is not threading.main_thread():
        yield  # Signals are handled in the main thread alone (Python's `signal`).
        return
    came: list[int] = []
    with ExitStack() as restored:
        restored.callback(_raise_again, came)
        # One that comes in the middle of this ends the block, and the others still get theirs back.
        for each in _ENDINGS:
            restored.callback(signal.signal, each, signal.getsignal(each))
            signal.signal(each, lambda number, _: came.append(number))
        yield


def _raise_again(came: Sequence[int]) -> None:
    for number in came:
        signal.raise_signal(number)


class Interrupts:
    """Lets Ctrl-C, SIGTERM and a terminal that is closed raise KeyboardInterrupt, once."""

    def __init__(self, say: Callable[[str], object]) -> None:
        self._say = say
        self._held = False

    @contextmanager
    def caught(self) -> Iterator[None]:
        """Be in charge of these signals during the block; in the main thread."""
        before = {number: signal.signal(number, self._come) for number in _ENDINGS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def hold(self) -> None:
        """Let none interrupt from now on: what remains is cleaning up, and is bounded."""
        self._held = True

    def _come(self, _: int, __: FrameType | None) -> None:
        if self._held:
            self._say("Still cleaning up; nothing is left behind if you wait.")
            return
        self._held = True
        raise KeyboardInterrupt
