"""A load generator that costs little itself: keep-alive connections, prebuilt requests.

Run as a process of its own: `python -m tests.bench.load URL --connections 64 --requests 20000`, or
with `--rate 300` for an open load, where requests are sent when they are due and not when the one
before is answered, so that a slow server cannot slow its own test (coordinated omission). Prints
one JSON object.
"""

import asyncio
import json
import sys
from collections import deque
from time import perf_counter, time
from urllib.parse import urlsplit

import click


class Connection(asyncio.Protocol):
    """One HTTP/1.1 connection; one request at a time."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.answered: asyncio.Future[tuple[int, bytes]] | None = None
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        if self.answered is not None and not self.answered.done():
            self.answered.set_exception(exc or ConnectionResetError())

    async def request(self, payload: bytes) -> tuple[int, bytes]:
        """Send a whole request; return the status and body of the answer."""
        assert self.transport is not None
        self.answered = asyncio.get_running_loop().create_future()
        self.transport.write(payload)
        return await self.answered

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, found, rest = self._buffer.partition(b"\r\n\r\n")
        if not found:
            return
        lower = head.lower()
        start = lower.find(b"content-length:")
        length = int(
            lower[
                start + 15 : lower.find(b"\r\n", start) if lower.find(b"\r\n", start) > 0 else None
            ]
        )
        if len(rest) < length:
            return
        self._buffer = rest[length:]
        assert self.answered is not None
        self.answered.set_result((int(head[9:12]), rest[:length]))


def build_request(
    url: str, token: str, subject: str, extra: dict[str, object], scheme: str = "Bearer"
) -> bytes:
    """Return the bytes of a POST of one ticket; `scheme` stands before the token."""
    parts = urlsplit(url)
    body = json.dumps(
        {
            "subject": subject,
            "description": "The tunnel comes up and drops again. " * 8,
            "requester": {"name": "Mira Petrova", "email": "mira@example.com", "locale": "en"},
            "type": "technical_problem",
            "category": "network",
            "impact": "medium",
            "urgency": "medium",
            **extra,
        }
    ).encode()
    head = (
        f"POST {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\n"
        f"Authorization: {scheme} {token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def run(
    url: str,
    token: str,
    connections: int,
    requests: int,
    rate: float,
    extra: dict[str, object],
    scheme: str = "Bearer",
) -> dict[str, object]:
    """Send `requests` requests; return figures, and for each ticket the time of its 201."""
    parts = urlsplit(url)
    loop = asyncio.get_running_loop()
    pool: deque[Connection] = deque()
    for _ in range(connections):
        _, protocol = await loop.create_connection(Connection, parts.hostname, parts.port)
        pool.append(protocol)
    free = asyncio.Semaphore(connections)
    payload = build_request(url, token, "VPN drops", extra, scheme)
    latencies: list[float] = []
    accepted: dict[str, float] = {}
    failures: list[int] = []

    async def one(due: float) -> None:
        async with free:
            connection = pool.popleft()
            status, body = await connection.request(payload)
            pool.append(connection)
        if status == 201:
            latencies.append(perf_counter() - due)
            # The id is the first field of the answer: {"id":"tkt_…
            accepted[body[7:43].decode()] = time()
        else:
            failures.append(status)

    started = perf_counter()
    if rate:
        tasks = []
        for index in range(requests):
            due = started + index / rate
            delay = due - perf_counter()
            if delay > 0:
                await asyncio.sleep(delay)
            tasks.append(asyncio.create_task(one(due)))
        await asyncio.gather(*tasks)
    else:
        share = [requests // connections + (i < requests % connections) for i in range(connections)]

        async def serial(count: int) -> None:
            for _ in range(count):
                await one(perf_counter())

        await asyncio.gather(*(serial(count) for count in share))
    seconds = perf_counter() - started
    latencies.sort()
    return {
        "seconds": seconds,
        "per_s": len(latencies) / seconds,
        "failures": failures[:10],
        "p50_ms": percentile(latencies, 0.50) * 1000,
        "p99_ms": percentile(latencies, 0.99) * 1000,
        "accepted": accepted,
    }


def percentile(ordered: list[float], share: float) -> float:
    """Return a percentile of ordered values by the nearest rank; 0 for none."""
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


@click.command()
@click.argument("url")
@click.option("--token", default="none")
@click.option("--connections", default=64)
@click.option("--requests", default=10_000)
@click.option("--rate", default=0.0)
@click.option("--extra", default="{}", help="More fields of the ticket, as JSON.")
@click.option("--scheme", default="Bearer", help="What stands before the token.")
def main(
    url: str, token: str, connections: int, requests: int, rate: float, extra: str, scheme: str
) -> None:
    """Send tickets to URL."""
    figures = asyncio.run(run(url, token, connections, requests, rate, json.loads(extra), scheme))
    json.dump(figures, sys.stdout)


if __name__ == "__main__":
    main()
