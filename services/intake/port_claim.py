"""Whether a port may be shared: told by a socket beside it, because the kernel asks only the user.

The server below lets every process of the same user listen where it listens (socket(7),
SO_REUSEPORT), whatever database that one has. So who listens alone holds a socket of the abstract
namespace (unix(7)) with the port in its name, for as long as one of its processes lives, and who
wants to join looks for it. Names are of the network namespace, as ports are. Linux only; elsewhere
a port is never shared.
"""

import os
import socket
import sys
from contextlib import closing


def claim(port: int) -> socket.socket | None:
    """Hold the port for oneself until the socket is closed, here and in all forks.

    None where that cannot be, or somebody holds it at another address: then joining is refused too.
    """
    if sys.platform != "linux":
        return None
    held = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        held.bind(_name(port))
        held.listen(1)
    except OSError:
        held.close()
        return None
    return held


def is_claimed(port: int) -> bool:
    """Tell whether somebody of this user listens there alone."""
    if sys.platform != "linux":
        return False
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)) as asking:
        asking.setblocking(False)
        try:
            asking.connect(_name(port))
        except BlockingIOError:
            # Others are asking, too.
            return True
        except OSError:
            return False
    return True


def _name(port: int) -> str:
    return f"\0patchbay/{os.getuid()}/{port}"
