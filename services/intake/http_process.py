"""The first steps of a process that the HTTP server forked: obey signals, notice a dead parent.

The server sets a forked process's signal handlers only after it has loaded the application. A
SIGTERM before that runs the parent's handler in the child, and is lost: the process would not end
until it is killed. And a parent that is killed leaves its children running.
"""

import importlib
import os
import signal
import threading
from types import FrameType
from typing import Any

#: How often the parent and the handlers are looked at.
LOOK_S = 0.1

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


def load(target: str) -> Any:
    """Build the application that `target` (`module:factory`) names, in a forked process."""
    early = threading.Event()

    def remember(_: int, __: FrameType | None) -> None:
        early.set()

    for number in _SIGNALS:
        signal.signal(number, remember)
    watcher = threading.Thread(
        target=_watch, args=(os.getppid(), remember, early), name="parent-watch", daemon=True
    )
    watcher.start()
    module, _, factory = target.partition(":")
    return getattr(importlib.import_module(module), factory)()


def _watch(parent: int, remember: object, early: threading.Event) -> None:
    """Pass an early signal on once the server obeys it, and end with the parent."""
    pause = threading.Event()
    while not pause.wait(LOOK_S):
        obeyed = signal.getsignal(signal.SIGTERM) is not remember
        if obeyed and (early.is_set() or os.getppid() != parent):
            os.kill(os.getpid(), signal.SIGTERM)
            return
