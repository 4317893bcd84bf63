"""The first steps of a process that the HTTP server forked: obey signals, notice a dead parent.

The server sets a forked process's signal handlers only after it has loaded the application. A
SIGTERM before that runs the parent's handler in the child, and is lost: the process would not end
until it is killed. And a parent that is killed leaves its children running. After a SIGTERM the
server waits for every request that is under way, so the application must hear of it itself and
end those that would go on: event streams at once, and what clients hold open (half a body, half a
head, an answer that nobody reads) when the time to drain is over.
"""

import importlib
import os
import signal
import socket
import threading
from multiprocessing import util
from types import FrameType
from typing import Any

from services.intake import bootstrap
from services.intake.connections import close_clients, limit_sending
from shared.garbage import settle
from shared.observability.logging import get_logger
from shared.process import allow_files
from shared.settings import Settings, drain_s, load_settings

#: How often the parent and the handlers are looked at.
LOOK_S = 0.1
#: Once for the socket that listens, and again for clients whom the kernel had accepted before.
LIMIT_SENDING_TIMES = 2

log = get_logger()

#: How long the server has for its end once no client is left, in seconds.
LAST_LOOK_S = 2.0
#: Priority of what runs before all that closes; of `multiprocessing.util.Finalize`.
FIRST = 1000

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


def hold_signals_over_forks() -> None:
    """Let a signal that a process gets right after its fork wait until `load` listens.

    Until then it would run the handler of the server, in the child, and be lost: a server that is
    stopped while it replaces a process would wait for that one until it kills it.
    """
    os.register_at_fork(
        before=lambda: signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS),
        after_in_parent=lambda: signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS),
    )


def load(target: str) -> Any:
    """Build the application that `target` (`module:factory`) names, in a forked process."""
    early = threading.Event()

    def remember(_: int, __: FrameType | None) -> None:
        early.set()

    for number in _SIGNALS:
        signal.signal(number, remember)
    # What came since the fork comes now; threads that begin before this would hold it back, too.
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
    # Python writes the number of each signal here, whoever handles it.
    told, tell = socket.socketpair()
    tell.setblocking(False)
    signal.set_wakeup_fd(tell.fileno(), warn_on_full_buffer=False)
    allow_files()
    settings = load_settings()
    arguments = (os.getppid(), remember, early, settings)
    threading.Thread(target=_watch, args=arguments, name="parent-watch", daemon=True).start()
    module, _, factory = target.partition(":")
    app = getattr(importlib.import_module(module), factory)()
    settle()
    ending = threading.Event()
    util.Finalize(None, ending.set, exitpriority=FIRST)
    stopping = (app, settings, early, ending, told, tell)
    threading.Thread(target=_stop, args=stopping, name="signal-watch", daemon=True).start()
    return app


def _watch(parent: int, remember: object, early: threading.Event, settings: Settings) -> None:
    """Pass an early signal on once the server obeys it, and end with the parent.

    The server listens some time after it has loaded the application; then sending is limited.
    """
    pause, limited = threading.Event(), 0
    while not pause.wait(LOOK_S):
        if limited < LIMIT_SENDING_TIMES:
            listens = limit_sending(settings.port, settings.send_timeout_s)
            if listens and not limited:
                # By the port alone nobody can tell, because others may listen there too.
                log.info("http.listening", port=settings.port)
            limited += listens
        obeyed = signal.getsignal(signal.SIGTERM) is not remember
        if obeyed and (early.is_set() or os.getppid() != parent):
            os.kill(os.getpid(), signal.SIGTERM)
            return


def _stop(
    app: Any,
    settings: Settings,
    early: threading.Event,
    ending: threading.Event,
    told: socket.socket,
    _: socket.socket,
) -> None:
    """Wait for a signal to end, and let nobody hold the process; holds both ends of the pair.

    The server waits for ever for some requests whose client broke off in the middle of a body: when
    no client is left and it has not come to its end, this thread does what the end does.
    """
    while not early.is_set():
        if set(told.recv(64)) & set(_SIGNALS):
            break
    bootstrap.begin_stop(app)
    # The process usually ends while this waits.
    threading.Event().wait(drain_s(settings))
    log.warning("http.clients_cut_off", connections=close_clients(settings.port))
    if not ending.wait(LAST_LOOK_S):
        log.warning("http.ended_without_server")
        util._run_finalizers(0)  # type: ignore[attr-defined] # noqa: SLF001 -- what multiprocessing runs at the end of a process
        os._exit(0)
