"""Whole lives of tickets: posted, assigned, resolved, closed. It is the subscriber as well.

`python -m tests.bench.soak.traffic API --token T --port P --seconds S`: 64 lives at a time, each
begins when one ends; with `--rate R` so many begin in a second, whether others have ended or not.
The desk posts `ticket.assigned` to port P, and whoever is assigned resolves and closes the ticket.
When no life is left under way, or patience is over, prints one JSON object: the ids accepted, told
and closed, the rate, and what was refused or did not come.
"""

import asyncio
import json
import sys
from collections import Counter, deque
from collections.abc import Collection
from time import perf_counter
from urllib.parse import urlsplit

import click

from tests.bench.load import Connection, build_request
from tests.bench.posts import OK, Posts

CONNECTIONS = 64
#: How long lives that are under way at the end may take, in seconds.
PATIENCE_S = 120.0
#: How long one waits to be told of its ticket before that counts as lost, in seconds.
TOLD_S = 60.0
_TICKET = b'"ticket":{"id":"'
_STEPS: tuple[dict[str, object], ...] = (
    {"transition": "resolve", "resolution": {"summary": "The tunnel holds with the new profile."}},
    {"transition": "close"},
)


class Lives:
    """Tickets under way, and what became of those that are not."""

    def __init__(self, api: str, token: str) -> None:
        self._api, self._token = api, token
        extra = {"team": "network", "required_skills": [{"skill": "vpn", "level": 2}]}
        self._post = build_request(f"{api}/v1/tickets", token, "VPN drops", extra)
        #: In turns, so that none is idle for so long that the server closes it.
        self._free: asyncio.Queue[Connection] = asyncio.Queue()
        self._assigned: dict[str, asyncio.Future[None]] = {}
        self.accepted: list[str] = []
        self.told: set[str] = set()
        self.closed: list[str] = []
        self.refused: Counter[str] = Counter()

    async def connect(self) -> None:
        """Open the connections."""
        for _ in range(CONNECTIONS):
            self._free.put_nowait(await self._open())

    def assigned(self, ticket_id: str) -> None:
        """Note a webhook: the ticket has an agent, who may know of it before its author."""
        self.told.add(ticket_id)
        self._of(ticket_id).done() or self._of(ticket_id).set_result(None)

    async def live(self) -> None:
        """Lead one ticket from its creation to its end; what goes wrong is noted."""
        try:
            await self._live()
        except Exception as error:  # noqa: BLE001 -- it is noted, and fails the soak at its end
            self.refused[type(error).__name__] += 1

    async def _live(self) -> None:
        status, body = await self._ask(self._post)
        if status != 201:
            self.refused[f"create {status}"] += 1
            return
        ticket_id = body[7:43].decode()
        self.accepted.append(ticket_id)
        try:
            async with asyncio.timeout(TOLD_S):
                await self._of(ticket_id)
        except TimeoutError:
            self.refused[f"no webhook within {TOLD_S:.0f} s"] += 1
            return
        finally:
            self._assigned.pop(ticket_id, None)
        for step in _STEPS:
            status, _ = await self._ask(self._transition(ticket_id, step))
            if status != 200:
                self.refused[f"{step['transition']} {status}"] += 1
                return
        self.closed.append(ticket_id)

    def _of(self, ticket_id: str) -> asyncio.Future[None]:
        found = self._assigned.get(ticket_id)
        if found is None:
            found = self._assigned[ticket_id] = asyncio.get_running_loop().create_future()
        return found

    def _transition(self, ticket_id: str, step: dict[str, object]) -> bytes:
        body = json.dumps(step).encode()
        head = (
            f"POST /v1/tickets/{ticket_id}/transitions HTTP/1.1\r\nHost: desk\r\n"
            f"Authorization: Bearer {self._token}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body

    async def _open(self) -> Connection:
        parts = urlsplit(self._api)
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(Connection, parts.hostname, parts.port)
        return connection

    async def _ask(self, payload: bytes) -> tuple[int, bytes]:
        connection = await self._free.get()
        if connection.transport is None or connection.transport.is_closing():
            connection = await self._open()
        try:
            return await connection.request(payload)
        finally:
            self._free.put_nowait(connection)


async def run(api: str, token: str, port: int, seconds: float, rate: float) -> dict[str, object]:
    """Begin lives for so many seconds, wait for their ends, and return what became of them."""
    lives = Lives(api, token)

    class Subscriber(Posts):
        def take(self, head: bytes, body: bytes) -> None:
            at = body.find(_TICKET) + len(_TICKET)
            self.transport.write(OK)
            lives.assigned(body[at : at + 36].decode())

        def figures(self, path: bytes) -> object:
            return len(lives.told)

    loop = asyncio.get_running_loop()
    server = await loop.create_server(Subscriber, "127.0.0.1", port, backlog=1024)
    await lives.connect()
    started = perf_counter()
    if rate:
        await _begin_at(lives, rate, seconds)
    else:
        await _one_after_the_other(lives, seconds)
    taken = perf_counter() - started
    server.close()
    return {
        "per_s": len(lives.closed) / taken,
        "accepted": lives.accepted,
        "told": sorted(lives.told),
        "closed": lives.closed,
        "refused": dict(lives.refused),
    }


async def _one_after_the_other(lives: Lives, seconds: float) -> None:
    over = perf_counter() + seconds

    async def chain() -> None:
        while perf_counter() < over:
            await lives.live()

    await _ended(lives, [asyncio.create_task(chain()) for _ in range(CONNECTIONS)], seconds)


async def _begin_at(lives: Lives, rate: float, seconds: float) -> None:
    started = perf_counter()
    under_way: deque[asyncio.Task[None]] = deque()
    for number in range(int(rate * seconds)):
        delay = started + number / rate - perf_counter()
        if delay > 0:
            await asyncio.sleep(delay)
        while under_way and under_way[0].done():
            under_way.popleft().result()
        under_way.append(asyncio.create_task(lives.live()))
    await _ended(lives, under_way)


async def _ended(
    lives: Lives, under_way: Collection[asyncio.Task[None]], seconds: float = 0.0
) -> None:
    """Wait until all has ended, but not without end; what has not is noted and given up."""
    if not under_way:
        return
    done, pending = await asyncio.wait(under_way, timeout=seconds + PATIENCE_S)
    for each in pending:
        each.cancel()
        lives.refused[f"under way after {PATIENCE_S:.0f} s"] += 1
    for each in done:
        each.result()


@click.command()
@click.argument("api")
@click.option("--token", required=True)
@click.option("--port", required=True, type=int)
@click.option("--seconds", default=30.0)
@click.option("--rate", default=0.0)
def main(api: str, token: str, port: int, seconds: float, rate: float) -> None:
    """Lead tickets through their lives by the API at API."""
    json.dump(asyncio.run(run(api, token, port, seconds, rate)), sys.stdout)


if __name__ == "__main__":
    main()
