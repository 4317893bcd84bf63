"""Signals that end a proof: the first one does, in order, and none disturbs the cleaning up."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

_ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


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
