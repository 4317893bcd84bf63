"""Ends the reading of bodies that do not arrive, so that nobody holds a worker by sending slowly.

The HTTP server hands a request to a thread once its head is there, and the thread waits for the
body. The server limits the time for the head and not that for the body: a client that sends half a
body and then nothing would hold the thread for ever. So whoever reads is noted here with a
deadline. When it is over, the connection is closed for reading: the thread is told that nothing
more comes, and the way to answer stays open.

The server does not tell which connection a request came by, only from which address. Of the
connections from there, as many as bodies are late are closed: those that were silent for the whole
time and a look longer, the longest first, or trickle. The look longer makes sure that a thread
whose connection is closed was late itself, if it read from the start; only who waited for a thread
may be closed in its place, and is told that the body broke off. An idle one among them only has to
be opened anew. This needs Linux (TCP_INFO) and TCP; elsewhere a proxy in front has to limit the
time.
"""

import socket
import struct
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from time import monotonic

from services.intake.connections import sockets_at
from shared.observability.logging import get_logger

#: The longest time between two looks, in seconds.
LOOK_EVERY_S = 1.0

#: Who sends less than this between two looks, in bytes, while late, sends slowly on purpose.
TRICKLE_BYTES = 512

#: struct tcp_info of Linux (include/uapi/linux/tcp.h): state, ms since data came, bytes that came.
_TCP_INFO = struct.Struct("=B51xI72xQ")

_ESTABLISHED = 1

log = get_logger()

#: The address that a request came from, and the port of ours that it came to.
Ends = tuple[str, int]
#: Bytes that came so far, by the other end of a connection.
Received = dict[object, int]


class Reading:
    """A body that is being read; `late` once it was given up."""

    __slots__ = ("deadline", "ends", "late")

    def __init__(self, ends: Ends, deadline: float) -> None:
        self.ends = ends
        self.deadline = deadline
        self.late = False


class SlowBodies:
    """Knows which bodies are being read, and gives up those that take longer than `timeout_s`."""

    def __init__(self, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._reading: dict[int, Reading] = {}
        self._received: dict[Ends, Received] = {}
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None

    @contextmanager
    def reading(self, address: str, port: int) -> Iterator[Reading]:
        """Note that a body from an address, to a port of ours, is read inside the block."""
        if self._thread is None:
            self._start()
        one = Reading((address, port), monotonic() + self._timeout_s)
        self._reading[id(one)] = one
        try:
            yield one
        finally:
            del self._reading[id(one)]

    def close(self) -> None:
        """Stop looking."""
        self._closing.set()
        if self._thread is not None:
            self._thread.join()

    def _start(self) -> None:
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="slow-bodies", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        look_s = min(LOOK_EVERY_S, self._timeout_s / 4)
        while not self._closing.wait(look_s):
            now = monotonic()
            late = [one for one in list(self._reading.values()) if one.deadline < now]
            for one in late:
                one.late = True
            counts = Counter(one.ends for one in late)
            silent_s = self._timeout_s + look_s
            self._received = {
                ends: _close_slow(ends, count, silent_s, self._received.get(ends, {}))
                for ends, count in counts.items()
            }


def _close_slow(ends: Ends, count: int, silent_s: float, before: Received) -> Received:
    """Close up to `count` slow connections from an address for reading, the most silent first.

    Connections of our own, to a database on the same machine say, have another port here.

    Returns what came by each that is open still. Who waits for a thread behind slow ones came
    later, and so is spared.
    """
    received: Received = {}
    slow: list[tuple[int, socket.socket]] = []
    with ExitStack() as opened:
        for connection in sockets_at(ends[1]):
            opened.enter_context(connection)
            try:
                peer = connection.getpeername()
                if peer[0] != ends[0]:
                    continue
                info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO.size)
                state, silent_ms, total = _TCP_INFO.unpack(info)
            except (OSError, struct.error):
                continue
            received[peer] = total
            trickled = 0 < total - before.get(peer, total) < TRICKLE_BYTES
            if state == _ESTABLISHED and (silent_ms >= silent_s * 1000 or trickled):
                slow.append((silent_ms, connection))
        slow.sort(key=lambda each: each[0], reverse=True)
        for silent_ms, connection in slow[:count]:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RD)
                log.warning("body.given_up", address=ends[0], silent_ms=silent_ms)
    return received
