"""The virus scanner ClamAV over its socket: the command INSTREAM (clamd(8)).

The client sends `zINSTREAM`, a NUL, then chunks that each begin with their length as four bytes in
network order, and a length of zero at the end. The answer ends in NUL: `stream: OK`, `stream: NAME
FOUND` or `… ERROR`.
"""

import socket
import struct
from collections.abc import Iterable
from urllib.parse import urlsplit

from shared.domain.errors import PatchbayError, Unavailable

DEFAULT_PORT = 3310
MAX_REPLY_BYTES = 4096


class ScanFailed(PatchbayError):
    """The scanner answered that it cannot scan this file, such as one over its StreamMaxLength."""


class Clamd:
    """One scanner, at `tcp://HOST:PORT` or `unix:///PATH`. A connection for each file."""

    def __init__(self, url: str, timeout_s: float) -> None:
        self._url = urlsplit(url)
        self.timeout_s = timeout_s

    def version(self) -> str:
        """Return what it calls itself, with its signatures: `ClamAV 1.4.1/27500/Sat Nov 21 …`.

        Raises Unavailable if it is away or slow, or is no clamd.
        """
        try:
            with self._connect() as connection:
                connection.sendall(b"zVERSION\0")
                reply = _reply(connection)
        except OSError as error:
            message = f"The virus scanner at {self._url.geturl()} is away: {error}."
            raise Unavailable(message) from error
        if not reply.startswith("ClamAV"):
            message = f"What answers at {self._url.geturl()} is no clamd: {reply[:80]!r}."
            raise Unavailable(message)
        return reply

    def scan(self, chunks: Iterable[bytes]) -> str | None:
        """Return the name of the virus that is found, or None.

        Raises Unavailable if the scanner is away or slow, ScanFailed if it cannot scan this.
        """
        try:
            with self._connect() as connection:
                try:
                    _send(connection, chunks)
                except (BrokenPipeError, ConnectionResetError):
                    # It stops reading what is too large for it, and says so.
                    return _verdict(_reply(connection))
                return _verdict(_reply(connection))
        except OSError as error:
            message = f"The virus scanner at {self._url.geturl()} is away: {error}."
            raise Unavailable(message) from error

    def _connect(self) -> socket.socket:
        if self._url.scheme == "unix":
            connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            connection.settimeout(self.timeout_s)
            try:
                connection.connect(self._url.path)
            except OSError:
                connection.close()
                raise
            return connection
        address = (self._url.hostname or "localhost", self._url.port or DEFAULT_PORT)
        return socket.create_connection(address, self.timeout_s)


def _send(connection: socket.socket, chunks: Iterable[bytes]) -> None:
    connection.sendall(b"zINSTREAM\0")
    for chunk in chunks:
        connection.sendall(struct.pack("!I", len(chunk)))
        connection.sendall(chunk)
    connection.sendall(struct.pack("!I", 0))


def _reply(connection: socket.socket) -> str:
    reply = b""
    while b"\0" not in reply and len(reply) < MAX_REPLY_BYTES:
        piece = connection.recv(MAX_REPLY_BYTES)
        if not piece:
            break
        reply += piece
    return reply.partition(b"\0")[0].decode(errors="replace").strip()


def _verdict(reply: str) -> str | None:
    if reply == "stream: OK":
        return None
    if reply.startswith("stream: ") and reply.endswith(" FOUND"):
        return reply.removeprefix("stream: ").removesuffix(" FOUND")
    if not reply:
        message = "the virus scanner hung up without an answer"
        raise ConnectionError(message)
    raise ScanFailed(f"The virus scanner says: {reply}")
