"""What the servers of the benches that take webhooks have in common: as little HTTP as will do."""

import asyncio
import contextlib
import json
import ssl
import sys
from abc import ABC, abstractmethod

OK = b"HTTP/1.1 204 No Content\r\n\r\n"


class Posts(asyncio.Protocol, ABC):
    """One connection. GET asks for figures; everything else is a webhook."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            head = bytes(self._buffer[:end])
            if head.startswith(b"GET"):
                del self._buffer[: end + 4]
                self._answer(self.figures(head.split(b" ", 2)[1]))
                continue
            length = int(header(head, b"content-length"))
            if len(self._buffer) < end + 4 + length:
                return
            body = bytes(self._buffer[end + 4 : end + 4 + length])
            del self._buffer[: end + 4 + length]
            self.take(head, body)

    @abstractmethod
    def take(self, head: bytes, body: bytes) -> None:
        """Note a webhook, and answer it or not."""

    @abstractmethod
    def figures(self, path: bytes) -> object:
        """Return the document that is asked for."""

    def _answer(self, document: object) -> None:
        text = json.dumps(document).encode()
        self.transport.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b"
            % (len(text), text)
        )


def header(head: bytes, name: bytes) -> bytes:
    """Return the value of a header, given in small letters; empty if it is not there."""
    lower = head.lower()
    at = lower.find(b"\r\n" + name + b":")
    if at < 0:
        return b""
    stop = lower.find(b"\r\n", at + 2)
    return head[at + len(name) + 3 : stop if stop > 0 else None].strip()


def serve(kind: type[Posts], port: int, certificate: str | None = None) -> None:
    """Listen until killed; print the port once ready."""
    tls = None
    if certificate:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(certificate)

    async def listen() -> None:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(kind, "127.0.0.1", port, ssl=tls, backlog=1024)
        sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
        sys.stdout.flush()
        await server.serve_forever()

    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(listen())
