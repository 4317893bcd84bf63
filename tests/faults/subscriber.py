"""A subscriber that is really there: an HTTP server on a thread that keeps what arrives.

Signatures are verified by the library of Standard Webhooks, not by our own code. The order of
`arrivals` is the order in which requests were complete here.
"""

import asyncio
import threading
from dataclasses import dataclass
from time import monotonic
from typing import Self

from aiohttp import web
from standardwebhooks import Webhook, WebhookVerificationError

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


class Subscriber:
    """Serves on a free loopback port until its context ends."""

    def __init__(self) -> None:
        self.arrivals: list[Arrival] = []
        self.refused: list[str] = []
        self.url = ""
        #: How long it thinks about each event before it answers, in seconds.
        self.pause_s = 0.0
        self._verifier: Webhook | None = None
        self._loop = asyncio.new_event_loop()
        self._listening = threading.Event()
        self._stopping = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="subscriber", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._listening.wait(START_DEADLINE_S)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join()
        self._loop.close()

    def expect(self, secret: str) -> None:
        """Say which secret signs what comes."""
        self._verifier = Webhook(secret)

    @property
    def duplicates(self) -> int:
        """How many arrivals told nothing new."""
        return len(self.arrivals) - len({arrival.event_id for arrival in self.arrivals})

    def first(self, event_type: EventType) -> dict[str, float]:
        """Return when each ticket's first event of a type arrived."""
        found: dict[str, float] = {}
        for arrival in list(self.arrivals):
            if arrival.type is event_type:
                found.setdefault(arrival.ticket, arrival.at)
        return found

    def _run(self) -> None:
        self._loop.run_until_complete(self._serve())

    async def _serve(self) -> None:
        app = web.Application()
        app.router.add_post("/hook", self._receive)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0, backlog=512)
        await site.start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
        self._listening.set()
        await self._stopping.wait()
        await runner.cleanup()

    async def _receive(self, request: web.Request) -> web.Response:
        body = await request.read()
        try:
            assert self._verifier is not None
            event = self._verifier.verify(body, dict(request.headers))
        except WebhookVerificationError as error:
            self.refused.append(f"{request.headers.get('webhook-id')}: {error}")
            return web.Response(status=400)
        self.arrivals.append(
            Arrival(
                request.headers["webhook-id"],
                event["data"]["ticket"]["id"],
                event["sequence"],
                EventType(event["type"]),
                monotonic(),
            )
        )
        if self.pause_s:
            await asyncio.sleep(self.pause_s)
        return web.Response(status=204)
