"""The first steps of a process that the HTTP server forked: obey signals, notice a dead parent.

The server sets a forked process's signal handlers only after it has loaded the application. A
SIGTERM before that runs the parent's handler in the child, and is lost: the process would not end
until it is killed. And a parent that is killed leaves its children running. After a SIGTERM the
server waits for every request that is under way, so the application must hear of it itself and
end those that would go on: event streams.
"""

import importlib
import os
import signal
import socket
import threading
from types import FrameType
from typing import Any

from services.intake import bootstrap

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
    # Python writes the number of each signal here, whoever handles it.
    told, tell = socket.socketpair()
    tell.setblocking(False)
    signal.set_wakeup_fd(tell.fileno(), warn_on_full_buffer=False)
    arguments = (os.getppid(), remember, early)
    threading.Thread(target=_watch, args=arguments, name="parent-watch", daemon=True).start()
    module, _, factory = target.partition(":")
    app = getattr(importlib.import_module(module), factory)()
    threading.Thread(
        target=_end_streams, args=(app, early, told, tell), name="signal-watch", daemon=True
    ).start()
    return app


def _watch(parent: int, remember: object, early: threading.Event) -> None:
    """Pass an early signal on once the server obeys it, and end with the parent."""
    pause = threading.Event()
    while not pause.wait(LOOK_S):
        obeyed = signal.getsignal(signal.SIGTERM) is not remember
        if obeyed and (early.is_set() or os.getppid() != parent):
            os.kill(os.getpid(), signal.SIGTERM)
            return


def _end_streams(app: Any, early: threading.Event, told: socket.socket, _: socket.socket) -> None:
    """Wait for a signal to end, and let the application know; holds both ends of the pair."""
    while not early.is_set():
        if set(told.recv(64)) & set(_SIGNALS):
            break
    bootstrap.begin_stop(app)
