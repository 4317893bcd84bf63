"""The HTTP server: granian, whose I/O runs outside Python; threads run the application."""

import errno
import signal
import socket
import sys
from typing import Any

from granian import Granian
from granian.constants import HTTPModes, Interfaces

from services.intake.http_process import hold_signals_over_forks, load
from services.intake.port_claim import claim, is_claimed
from shared.settings import Settings

#: How long the server waits for its processes beyond the drain itself, in seconds.
KILL_MARGIN_S = 5


class PortTaken(Exception):
    """Somebody else listens there; the text says what to do."""


def serve(target: str, settings: Settings, processes: int, threads: int, *, shared: bool) -> None:
    """Serve the application that `target` (`module:factory`) builds.

    Until SIGTERM, SIGINT or SIGHUP.
    Raises PortTaken if the address is in use. With `shared` others of the same user who asked for
    it serve it too, on Linux: the kernel spreads new connections over all (socket(7),
    SO_REUSEPORT), so that one can be there before another goes.
    """
    # Held until the last process has ended: forks have it, too.
    held = None if shared else claim(settings.port)
    try:
        require_free(settings.host, settings.port, shared=shared)
    except PortTaken:
        if held is not None:
            held.close()
        raise
    hold_signals_over_forks()
    server = Granian(
        target,
        address=settings.host,
        port=settings.port,
        interface=Interfaces.WSGI,
        workers=processes,
        blocking_threads=threads,
        http=HTTPModes.http1,
        backlog=2048,
        log_enabled=False,
        respawn_failed_workers=True,
        workers_kill_timeout=int(settings.shutdown_timeout_s) + KILL_MARGIN_S,
    )
    # Its own answer to SIGHUP is to replace its processes, by others with the same settings.
    # None leaves the signal as it is, which is how nohup(1) has it: ignored.
    ignored = signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    answer: Any = None if ignored else server.signal_handler_interrupt
    server.signal_handler_reload = answer  # type: ignore[method-assign] # it takes it from there
    try:
        server.serve(target_loader=load)
    except SystemExit:
        # It calls it a failure if a process has died that it had no time to replace before it was
        # told to stop; whoever told it so wants to know whether it stopped.
        if not server.interrupt_signal:
            raise


def require_free(host: str, port: int, *, shared: bool) -> None:
    """Raise PortTaken unless we can listen there, with `shared` beside others who share it."""
    if shared and is_claimed(port):
        message = (
            f"Cannot share {host}:{port}: who listens there does not share it. Start all that are "
            "to share a port by patchbay intake --share-port, or set PATCHBAY_PORT to another port."
        )
        raise PortTaken(message)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared and sys.platform == "linux":
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            message = (
                f"Cannot listen on {host}:{port}: {error.strerror}. "
                "Set PATCHBAY_PORT to another port."
            )
            if not shared and error.errno == errno.EADDRINUSE and sys.platform == "linux":
                message += " (One intake beside another, on one database: --share-port for both.)"
            raise PortTaken(message) from error
