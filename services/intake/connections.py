"""The connections of this process's clients, by the port they came to.

The HTTP server does not hand its sockets out, and waits for clients without end: for a body, for
the rest of a head, for a reader that does not read. The kernel knows the sockets and ends them.
This needs Linux; elsewhere there are none here, and a proxy in front has to limit the time.
"""

import os
import socket
import stat
import sys
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

_DESCRIPTORS = Path("/proc/self/fd")


def sockets_at(port: int) -> Iterator[socket.socket]:
    """Yield copies of the TCP sockets whose own port this is, listening ones too; close them."""
    if sys.platform != "linux":
        return
    for path in list(_DESCRIPTORS.iterdir()):
        try:
            if not stat.S_ISSOCK(os.fstat(int(path.name)).st_mode):
                continue
            found = socket.socket(fileno=os.dup(int(path.name)))
        except OSError:
            continue
        if found.family in (socket.AF_INET, socket.AF_INET6) and _port(found) == port:
            yield found
        else:
            found.close()


def limit_sending(port: int, timeout_s: float) -> bool:
    """Have the kernel break connections whose client takes nothing of what is sent for so long.

    RFC 5482 and tcp(7), TCP_USER_TIMEOUT, which counts the time of a closed window too. Connections
    to come have it from the socket that listens; tells whether there is one already.
    """
    listens = sys.platform != "linux"
    for found in sockets_at(port):
        with closing(found):
            found.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(timeout_s * 1000))
            listens |= bool(found.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN))
    return listens


def close_clients(port: int) -> int:
    """Break all connections that came to a port; return how many there were."""
    broken = 0
    for found in sockets_at(port):
        with closing(found), suppress(OSError):
            found.getpeername()  # The socket that listens has none, and stays.
            found.shutdown(socket.SHUT_RDWR)
            broken += 1
    return broken


def _port(found: socket.socket) -> int | None:
    try:
        return int(found.getsockname()[1])
    except OSError:
        return None
