"""A mail server that costs little: takes every mail and forgets it. `python -m … PORT`."""

import asyncio
import contextlib
import sys

_ANSWERS = {
    b"EHLO": b"250-sink\r\n250 8BITMIME\r\n",
    b"DATA": b"354 go on\r\n",
    b"QUIT": b"221 bye\r\n",
}


class Sink(asyncio.Protocol):
    """One connection."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._in_data = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        transport.write(b"220 sink\r\n")

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while True:
            ending = b"\r\n.\r\n" if self._in_data else b"\r\n"
            end = self._buffer.find(ending)
            if end < 0:
                return
            verb = bytes(self._buffer[:4]).upper()
            del self._buffer[: end + len(ending)]
            if self._in_data:
                self._in_data = False
                self.transport.write(b"250 taken\r\n")
                continue
            self._in_data = verb == b"DATA"
            self.transport.write(_ANSWERS.get(verb, b"250 ok\r\n"))


async def main() -> None:
    """Serve until the process is ended."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Sink, "127.0.0.1", int(sys.argv[1]))
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(main())
