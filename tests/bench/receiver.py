"""A webhook receiver that costs little: takes everything, notes ids and times, answers 204.

`python -m tests.bench.receiver PORT`. GET /count answers how many different webhook-ids came,
GET /times all tickets with the time of their first event, GET /reset forgets.
"""

import asyncio
import contextlib
import json
import sys
from time import time

import click

_OK = b"HTTP/1.1 204 No Content\r\n\r\n"
_TICKET = b'"ticket":{"id":"'


class Receiver(asyncio.Protocol):
    """One connection."""

    seen: set[bytes] = set()  # noqa: RUF012 -- one receiver a process
    times: dict[str, float] = {}  # noqa: RUF012 -- one receiver a process

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
            lower = head.lower()
            at = lower.index(b"content-length:") + 15
            stop = lower.find(b"\r\n", at)
            length = int(lower[at : stop if stop > 0 else None])
            if len(self._buffer) < end + 4 + length:
                return
            at = lower.index(b"webhook-id:") + 11
            stop = lower.find(b"\r\n", at)
            self.seen.add(head[at : stop if stop > 0 else None].strip())
            at = self._buffer.find(_TICKET, end)
            ticket = self._buffer[at + len(_TICKET) : at + len(_TICKET) + 36].decode()
            self.times.setdefault(ticket, time())
            del self._buffer[: end + 4 + length]
            self.transport.write(_OK)

    def _answer(self, head: bytes) -> None:
        path = head.split(b" ", 2)[1]
        body: object = len(self.seen)
        if path == b"/times":
            body = self.times
        elif path == b"/reset":
            self.seen.clear()
            self.times.clear()
        text = json.dumps(body).encode()
        self.transport.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b"
            % (len(text), text)
        )


async def serve(port: int) -> None:
    """Listen until killed; print the port once ready."""
    server = await asyncio.get_running_loop().create_server(Receiver, "127.0.0.1", port)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


@click.command()
@click.argument("port", type=int, default=0)
def main(port: int) -> None:
    """Receive webhooks."""
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(port))


if __name__ == "__main__":
    main()
