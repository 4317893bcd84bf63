"""Servers for webhooks that behave as a test says, well or badly, and a channel to them."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from ipaddress import ip_network
from pathlib import Path
from typing import Any

from aiohttp import web

from services.notifier.channels.base import Outcome
from services.notifier.channels.webhook import WebhookChannel, WebhookRequest
from shared.domain.address_guard import AddressGuard
from shared.domain.clock import ManualClock
from shared.domain.webhook_signature import new_secret

NOW = datetime.now(UTC).replace(microsecond=0)
SECRET = new_secret()
BODY = '{"type":"ticket.created","data":{"name":"Zo\u00eb"}}'.encode()
LOOPBACK = (ip_network("127.0.0.0/8"), ip_network("::1/128"))

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[Any, Any, None]]


@asynccontextmanager
async def receiver(
    handler: Handler, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1", port: int = 0
) -> AsyncIterator[str]:
    """Run an aiohttp server whose every path is `handler`; yields its base URL."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port, ssl_context=tls)
        await site.start()
        yield f"{'https' if tls else 'http'}://{host}:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def raw_server(talk: Talk) -> AsyncIterator[str]:
    """Run a TCP server that says whatever `talk` says; yields its base URL."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await talk(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


@asynccontextmanager
async def channel(
    *,
    allowed: tuple[Any, ...] = LOOPBACK,
    timeout_s: float = 5.0,
    tls: ssl.SSLContext | None = None,
    allow_http: bool = False,
    now: datetime = NOW,
) -> AsyncIterator[WebhookChannel]:
    guard = AddressGuard(allowed, allow_http=allow_http)
    sender = WebhookChannel(guard, ManualClock(now), version="9.9", timeout_s=timeout_s, tls=tls)
    try:
        yield sender
    finally:
        await sender.close()


def request(url: str, **headers: str) -> WebhookRequest:
    return WebhookRequest(url, "evt_1", BODY, (SECRET,), headers)


def deliver(handler: Handler, timeout_s: float = 5.0, now: datetime = NOW) -> Outcome:
    """Send one webhook to a receiver that behaves like `handler`."""

    async def scenario() -> Outcome:
        async with receiver(handler) as url, channel(timeout_s=timeout_s, now=now) as sender:
            return await sender.send(request(url))

    return asyncio.run(scenario())


def answering(status: int, body: str = "", **headers: str) -> Handler:
    async def handler(_: web.Request) -> web.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return web.Response(status=status, text=body, headers=named)

    return handler


async def head_of(reader: asyncio.StreamReader) -> bytes:
    """Read one request with its body; returns its head."""
    head = await reader.readuntil(b"\r\n\r\n")
    await reader.readexactly(len(BODY))
    return head


def server_tls(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


def deliver_raw(talk: Talk, timeout_s: float = 5.0) -> Outcome:
    """Send one webhook to a server that says whatever `talk` says."""

    async def scenario() -> Outcome:
        async with raw_server(talk) as url, channel(timeout_s=timeout_s) as sender:
            return await sender.send(request(url))

    return asyncio.run(scenario())


async def drip(writer: asyncio.StreamWriter, piece: bytes) -> None:
    """Write `piece` every few milliseconds until the other side has had enough."""
    while not writer.is_closing():
        writer.write(piece)
        await writer.drain()
        await asyncio.sleep(0.01)
