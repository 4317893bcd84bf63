"""What can go wrong with a local server.

LocalServerError
├── PackagesMissing   the server's programs are not installed
├── StartFailed       it was launched and did not become ready
├── ControlFailed     an administration command was refused
└── NotRunning        an operation needs a running server
"""


class LocalServerError(Exception):
    """Any failure of a local server; the text says what to do or quotes the server's log."""


class PackagesMissing(LocalServerError):
    """The server's programs are not on this machine; the one-line text says what to install."""


class StartFailed(LocalServerError):
    """The server ended or stayed silent while it was started; the text quotes its log."""


class ControlFailed(LocalServerError):
    """An administration command ended with an error; the text quotes its output."""


class NotRunning(LocalServerError):
    """The operation needs a running server and there is none."""
