"""A subscriber that is really there: an HTTP server on a thread that keeps what arrives.

The order of `arrivals` is the order in which requests were complete here.
"""

import asyncio
import threading
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from time import monotonic
from typing import Any, Self

import orjson
from aiohttp import web

from services.chaos.errors import ChaosError
from services.demo.receiver import is_genuine
from shared.domain.event import EventType

START_DEADLINE_S = 10


@dataclass(frozen=True, slots=True)
class Arrival:
    """One webhook: the event it tells, and when it arrived, on the clock `time.monotonic`."""

    event_id: str
    ticket: str
    sequence: int
    type: EventType
    at: float


class Receiver:
    """Serves on a free loopback port until its context ends.

    It asks for these types of events, all unless told otherwise.
    """

    def __init__(
        self,
        event_types: Collection[EventType] = (),
        on_arrival: Callable[[Arrival], None] = lambda _: None,
    ) -> None:
        self.event_types = frozenset(event_types)
        self.arrivals: list[Arrival] = []
        self.refused: list[str] = []
        self.url = ""
        #: The id of its subscription, once it has one.
        self.subscription = ""
        #: How long it thinks about each event before it answers, in seconds.
        self.pause_s = 0.0
        self._on_arrival = on_arrival
        self._secret = ""
        self._loop = asyncio.new_event_loop()
        self._listening = threading.Event()
        self._stopping = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="receiver", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        if not self._listening.wait(START_DEADLINE_S):
            raise ChaosError("The receiver of webhooks could not listen on 127.0.0.1.")
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join()
        self._loop.close()

    def expect(self, subscription: str, secret: str) -> None:
        """Say for which subscription things come, and which secret signs them."""
        self.subscription, self._secret = subscription, secret

    @property
    def duplicates(self) -> int:
        """How many arrivals told nothing new."""
        arrivals = list(self.arrivals)
        return len(arrivals) - len({arrival.event_id for arrival in arrivals})

    def verify(self, body: bytes, headers: dict[str, str]) -> str:
        """Return why a message is refused; empty if its signature is good."""
        good = is_genuine(self._secret, headers, body, time.time())
        return "" if good else "the signature is wrong"

    def _run(self) -> None:
        self._loop.run_until_complete(self._serve())

    async def _serve(self) -> None:
        runner = web.ServerRunner(web.Server(self._receive), access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0, backlog=512).start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
        self._listening.set()
        await self._stopping.wait()
        await runner.cleanup()

    async def _receive(self, request: web.BaseRequest) -> web.Response:
        body = await request.read()
        headers = {name.lower(): value for name, value in request.headers.items()}
        refused = self.verify(body, headers)
        if refused:
            self.refused.append(f"{headers.get('webhook-id')}: {refused}")
            return web.Response(status=400)
        event: dict[str, Any] = orjson.loads(body)
        arrival = Arrival(
            headers["webhook-id"],
            event["data"]["ticket"]["id"],
            event["sequence"],
            EventType(event["type"]),
            monotonic(),
        )
        self.arrivals.append(arrival)
        self._on_arrival(arrival)
        if self.pause_s:
            await asyncio.sleep(self.pause_s)
        return web.Response(status=204)
