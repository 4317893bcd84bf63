"""Many webhook endpoints in one process: those that answer, those that hang, those that fail.

`python -m tests.bench.endpoints PORT`, with `--certificate FILE` by TLS. What is posted to `/ok/…`
gets 204, to `/hang/…` nothing, to `/fail/…` 500. GET /figures answers how many came to `/ok/…`, how
many different ones, when, and how old each event was; GET /reset forgets.
"""

import asyncio
import contextlib
import json
import ssl
import sys
from datetime import datetime
from time import time

import click

_OK = b"HTTP/1.1 204 No Content\r\n\r\n"
_FAILED = b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n"
_AT = b'"timestamp":"'
_MOMENT_CHARS = len("2026-01-02T03:04:05.678901Z")


class Endpoint(asyncio.Protocol):
    """One connection."""

    arrivals: list[float] = []  # noqa: RUF012 -- one set of figures a process
    ages: list[float] = []  # noqa: RUF012 -- one set of figures a process
    seen: set[tuple[bytes, bytes]] = set()  # noqa: RUF012 -- one set of figures a process

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
                self._answer(head)
                continue
            length = int(_header(head, b"content-length"))
            if len(self._buffer) < end + 4 + length:
                return
            body = bytes(self._buffer[end + 4 : end + 4 + length])
            del self._buffer[: end + 4 + length]
            self._take(head, body)

    def _take(self, head: bytes, body: bytes) -> None:
        path = head.split(b" ", 2)[1]
        if path.startswith(b"/hang"):
            return
        if path.startswith(b"/fail"):
            self.transport.write(_FAILED)
            return
        now = time()
        at = body.find(_AT) + len(_AT)
        moment = datetime.fromisoformat(body[at : at + _MOMENT_CHARS].decode())
        self.arrivals.append(now)
        self.ages.append(now - moment.timestamp())
        self.seen.add((_header(head, b"webhook-id"), path))
        self.transport.write(_OK)

    def _answer(self, head: bytes) -> None:
        if head.startswith(b"GET /reset"):
            for kept in (self.arrivals, self.ages, self.seen):
                kept.clear()
        counts = {"count": len(self.arrivals), "distinct": len(self.seen)}
        body: dict[str, object] = dict(counts)
        if head.startswith(b"GET /figures"):
            body |= {"arrivals": self.arrivals, "ages": self.ages}
        text = json.dumps(body).encode()
        self.transport.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b"
            % (len(text), text)
        )


def _header(head: bytes, name: bytes) -> bytes:
    lower = head.lower()
    at = lower.find(b"\r\n" + name + b":")
    if at < 0:
        return b""
    stop = lower.find(b"\r\n", at + 2)
    return head[at + len(name) + 3 : stop if stop > 0 else None].strip()


async def serve(port: int, certificate: str | None) -> None:
    """Listen until killed; print the port once ready."""
    tls = None
    if certificate:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(certificate)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Endpoint, "127.0.0.1", port, ssl=tls, backlog=1024)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


@click.command()
@click.argument("port", type=int, default=0)
@click.option("--certificate", default=None)
def main(port: int, certificate: str | None) -> None:
    """Receive webhooks."""
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(port, certificate))


if __name__ == "__main__":
    main()
