"""A mail server that is really there, and that can leave mails lying inside DATA.

It keeps every mail that came whole, and answers as RFC 5321 wants. Told to hold, it leaves clients
without an answer: before it lets the content come, or after it has it all.
"""

import asyncio
import re
import threading
from dataclasses import dataclass
from enum import Enum
from typing import Self

from shared.ports import choose_port

START_DEADLINE_S = 10

_MESSAGE_ID = re.compile(rb"^Message-ID: <[^.]+\.(dlv_[0-9a-f]+)\.", re.MULTILINE)


class Stage(Enum):
    """Where inside DATA a mail lies."""

    BEFORE_THE_CONTENT = "before the content"
    AFTER_THE_CONTENT = "after the content"


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail that came whole: its delivery, by the Message-ID, and its bytes."""

    delivery_id: str
    content: bytes


class MailServer:
    """Serves on a free loopback port until its context ends."""

    def __init__(self) -> None:
        self.mails: list[Mail] = []
        #: Where clients are left without an answer; None for nowhere.
        self.hold: Stage | None = None
        #: How many clients lie there now.
        self.held = 0
        self._port = choose_port()
        self._loop = asyncio.new_event_loop()
        self._listening = threading.Event()
        self._stopping = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="mail-server", daemon=True)

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self._port}"

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._listening.wait(START_DEADLINE_S)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join()
        self._loop.close()

    def _run(self) -> None:
        self._loop.run_until_complete(self._serve())

    async def _serve(self) -> None:
        server = await self._loop.create_server(lambda: _Client(self), "127.0.0.1", self._port)
        self._listening.set()
        await self._stopping.wait()
        server.close()


class _Client(asyncio.Protocol):
    def __init__(self, server: MailServer) -> None:
        self._server = server
        self._buffer = bytearray()
        self._in_data = self._held = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(b"220 here\r\n")

    def connection_lost(self, exc: Exception | None) -> None:
        self._server.held -= self._held

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while not self._held:
            ending = b"\r\n.\r\n" if self._in_data else b"\r\n"
            end = self._buffer.find(ending)
            if end < 0:
                return
            said = bytes(self._buffer[:end])
            del self._buffer[: end + len(ending)]
            self._answer(said)

    def _answer(self, said: bytes) -> None:
        verb = said[:4].upper()
        if self._in_data:
            self._in_data = False
            found = _MESSAGE_ID.search(said)
            assert found, "not a mail of the desk"
            self._server.mails.append(Mail(found.group(1).decode(), said))
            self._say(b"250 taken\r\n", Stage.AFTER_THE_CONTENT)
        elif verb == b"DATA":
            self._in_data = True
            self._say(b"354 go on\r\n", Stage.BEFORE_THE_CONTENT)
        elif verb == b"EHLO":
            self._transport.write(b"250-here\r\n250 8BITMIME\r\n")
        else:
            self._transport.write(b"221 bye\r\n" if verb == b"QUIT" else b"250 ok\r\n")

    def _say(self, reply: bytes, stage: Stage) -> None:
        if self._server.hold is stage:
            self._held = True
            self._server.held += 1
        else:
            self._transport.write(reply)
