"""Free loopback ports that stay free while a server is down."""

import random
import socket
from collections.abc import Collection
from pathlib import Path

LOOPBACK = "127.0.0.1"
EPHEMERAL_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")
# Above the well-known ports of both servers and their companions (4369, 5432, 5672, 15672, 25672).
LOWEST_PORT = 26_000
ATTEMPTS = 200
# Two processes that were given the same seed must not choose the same ports.
_CHANCE = random.SystemRandom()


def is_free(port: int) -> bool:
    """Whether a server could listen on this loopback port now."""
    with socket.socket() as probe:
        # As servers do: connections that are still closing must not make the port look taken.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def choose_port(besides: Collection[int] = ()) -> int:
    """A free port below the ephemeral range, none of those chosen before and not listened on yet.

    The kernel gives ephemeral ports to outgoing connections. A client that reconnects while the
    server is down could then be given the server's own port, and even connect to itself
    (TCP simultaneous open, RFC 9293 section 3.5).
    """
    candidates = [
        port for port in range(LOWEST_PORT, _lowest_ephemeral_port()) if port not in besides
    ]
    for port in _CHANCE.sample(candidates, min(ATTEMPTS, len(candidates))):
        if is_free(port):
            return port
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def _lowest_ephemeral_port() -> int:
    try:
        return int(EPHEMERAL_RANGE.read_text().split()[0])
    except OSError:
        return 0
