"""A TCP proxy in front of the broker or the database, which can do to connections what networks do.

It is slow, holds one direction or both (a partition: TCP delivers what was held once it is over, if
neither side has given up), resets, or cuts connections after so many bytes. One thread.
"""

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, Self

CHUNK = 65_536
START_DEADLINE_S = 10
#: With this linger a close is a reset (socket(7), SO_LINGER).
_RESET = struct.pack("ii", 1, 0)


@dataclass(slots=True)
class Harm:
    """What the faults have done since the start.

    `reset` and `cut` count ends of connections, `delayed` and `held` bytes.
    """

    reset: int = 0
    cut: int = 0
    delayed: int = 0
    held: int = 0


@dataclass(slots=True)
class Direction:
    """What happens to bytes on their way: `delay_s` each time, `cut_after` bytes a reset."""

    open: asyncio.Event
    delay_s: float = 0.0
    cut_after: int | None = None


class Proxy:
    """Listens on a free loopback port and passes on to the first target that is there.

    Several targets are the nodes of a cluster, behind a balancer that knows who answers.
    """

    def __init__(self, *targets: int) -> None:
        self.port = 0
        self.harm = Harm()
        self._targets = targets
        self._loop = asyncio.new_event_loop()
        self._connections: set[asyncio.StreamWriter] = set()
        self._listening = threading.Event()
        self._stopping = asyncio.Event()
        #: From the clients to the server, and back.
        self._up, self._down = Direction(asyncio.Event()), Direction(asyncio.Event())
        self._thread = threading.Thread(target=self._run, name="proxy", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._listening.wait(START_DEADLINE_S)
        return self

    def __exit__(self, *_: object) -> None:
        self.heal()
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join()
        self._loop.close()

    def slow(self, delay_s: float) -> None:
        """Let everything take this much longer, each way."""
        self._up.delay_s = self._down.delay_s = delay_s

    def hold(self, *, up: bool = True, down: bool = True) -> None:
        """Let nothing through, in both directions or one; connections stay, new ones hang."""
        for direction, held in ((self._up, up), (self._down, down)):
            if held:
                self._loop.call_soon_threadsafe(direction.open.clear)

    def cut(self, after: int) -> None:
        """Reset every connection whose server has sent so many more bytes."""
        self._down.cut_after = after

    def reset(self) -> None:
        """Reset all connections; new ones get through."""
        self._do(self._reset())

    def heal(self) -> None:
        """End all faults."""
        self._down.cut_after = None
        self.slow(0)
        for direction in (self._up, self._down):
            self._loop.call_soon_threadsafe(direction.open.set)

    async def _reach(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        for target in self._targets[:-1]:
            with contextlib.suppress(OSError):
                return await asyncio.open_connection("127.0.0.1", target)
        return await asyncio.open_connection("127.0.0.1", self._targets[-1])

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(START_DEADLINE_S)

    async def _reset(self) -> None:
        self.harm.reset += len(self._connections)
        for writer in list(self._connections):
            _reset(writer)

    async def _pass(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, direction: Direction
    ) -> None:
        while data := await reader.read(CHUNK):
            if direction.delay_s:
                self.harm.delayed += len(data)
                await asyncio.sleep(direction.delay_s)
            if not direction.open.is_set():
                self.harm.held += len(data)
                await direction.open.wait()
            if direction.cut_after is not None:
                direction.cut_after -= len(data)
                if direction.cut_after <= 0:
                    self.harm.cut += 1
                    _reset(writer)
                    return
            writer.write(data)
            await writer.drain()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._serve())

    async def _serve(self) -> None:
        self._up.open.set()
        self._down.open.set()
        server = await asyncio.start_server(self._connect, "127.0.0.1", 0, backlog=512)
        self.port = server.sockets[0].getsockname()[1]
        self._listening.set()
        await self._stopping.wait()
        server.close()
        await self._reset()
        # The tasks of connections end with them.
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections.add(writer)
        there = None
        try:
            with contextlib.suppress(OSError, EOFError):
                # A handshake is lost with the rest.
                await self._up.open.wait()
                await self._down.open.wait()
                answers, there = await self._reach()
                self._connections.add(there)
                ways = (
                    asyncio.create_task(self._pass(reader, there, self._up)),
                    asyncio.create_task(self._pass(answers, writer, self._down)),
                )
                # Whichever ends first ends both: neither protocol uses half-closed connections.
                _, left = await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
                for way in left:
                    way.cancel()
                await asyncio.gather(*ways, return_exceptions=True)
        finally:
            for each in (writer, there):
                if each is not None:
                    self._connections.discard(each)
                    each.close()


def _reset(writer: asyncio.StreamWriter) -> None:
    connection = writer.get_extra_info("socket")
    with contextlib.suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    writer.transport.abort()
