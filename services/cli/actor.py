"""Who runs a command, for the audit log."""

import os
import pwd
import socket

from shared.domain.audit import Actor


def command_line() -> Actor:
    """Return who runs a command, as the system knows them: `cli:USER@HOST`.

    By the account of the process and not by LOGNAME and the like, which anybody may set. An account
    without a name, as in containers, is its number.
    """
    number = os.getuid()
    try:
        user = pwd.getpwuid(number).pw_name
    except KeyError:
        user = str(number)
    return Actor(f"cli:{user}@{socket.gethostname()}")
