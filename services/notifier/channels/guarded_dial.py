"""How the webhook channel reaches the network: every name and every socket passes the guard.

A resolver alone would be a hole, because aiohttp does not resolve literal addresses; a look at the
URL alone as well, because a name may resolve to something else by the time it is dialled. The
socket factory sees the very address that is about to be connected, so it has the last word.
"""

import asyncio
import errno
import socket
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from services.notifier.channels.name_lookups import Answers, Key, NameLookups, NoTurn
from shared.domain.address_guard import AddressGuard, ForbiddenAddress
from shared.observability import metrics

#: For how long an idle connection is kept open, in seconds.
KEEP_ALIVE_S = 30.0

_NUMERIC = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV


@dataclass(slots=True)
class Exchange:
    """What is known about the request under way: its scheme, and whether a socket was opened.

    `queued` says that it waits, or waited in vain, for a thread to resolve its name; `deadline`
    bounds the whole exchange.
    """

    plain_http: bool
    dialled: bool = False
    queued: bool = False
    deadline: asyncio.Timeout | None = None

    @contextmanager
    def queueing(self) -> Iterator[None]:
        """Note that a block waits for us and not for the receiver, whose time is given back.

        A block that raises leaves `queued` as it is: that is why the exchange ended.
        """
        loop = asyncio.get_running_loop()
        began_at, self.queued = loop.time(), True
        yield
        self.queued = False
        end = self.deadline.when() if self.deadline else None
        if self.deadline is not None and end is not None:
            self.deadline.reschedule(end + loop.time() - began_at)


#: The request that the running task is sending. aiohttp hands the factory an address and nothing
#: else; connection attempts run in this task or in children that inherit its context.
CURRENT_EXCHANGE: ContextVar[Exchange] = ContextVar("patchbay_webhook_exchange")


class DestinationRefused(OSError):
    """The guard said no; an OSError, because that is what aiohttp takes from its hooks."""

    def __init__(self, refusal: ForbiddenAddress) -> None:
        super().__init__(errno.EACCES, refusal.public_reason)
        self.refusal = refusal


class GuardedResolver(AbstractResolver):
    """Resolves host names and refuses a name with any forbidden answer.

    One bad answer spoils the name (and is not filtered out): an honest public endpoint has no
    private addresses, and a name that mixes both is how a guard is got round. Answers that are used
    again are vetted again; one that is refused is not kept, because it can be put right.
    """

    def __init__(self, guard: AddressGuard, lookups: NameLookups) -> None:
        self._guard = guard
        self._lookups = lookups

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Return vetted addresses; OSError when unresolved, refused or over the time budget.

        NoTurn, with the exchange left as queued, when there was no thread to ask in.
        """
        key = (host, int(family))
        answers = self._lookups.cached(key)
        if answers is None:
            answers = await self._look_up(key)
        try:
            return [self._vetted(host, port, each) for each in answers]
        except DestinationRefused:
            self._lookups.forget(key)
            raise

    async def close(self) -> None:
        """Give up waiting for look-ups."""
        self._lookups.close()

    async def _look_up(self, key: Key) -> Answers:
        exchange = CURRENT_EXCHANGE.get(None) or Exchange(plain_http=False)
        stale = self._lookups.stale(key)
        with exchange.queueing():
            try:
                lookup = self._lookups.of(key)
                if stale is None:
                    await self._lookups.turn(lookup)
            except NoTurn:
                if stale is None:
                    raise
                return stale
        # It may wait for a thread; whoever has an older answer does not.
        if stale is not None and not lookup.begun.done():
            return stale
        return await self._lookups.answers(lookup)

    def _vetted(self, host: str, port: int, entry: tuple[Any, ...]) -> ResolveResult:
        family, _, proto, _, address = entry
        ip = str(address[0])
        try:
            self._guard.vet(ip)
        except ForbiddenAddress as refusal:
            raise DestinationRefused(refusal) from refusal
        return ResolveResult(
            hostname=host, host=ip, port=port, family=family, proto=proto, flags=_NUMERIC
        )


class GuardedSockets:
    """The socket factory of the connector: no socket is made for an address the guard refuses."""

    def __init__(self, guard: AddressGuard) -> None:
        self._guard = guard

    def __call__(self, addr_info: aiohttp.AddrInfoType) -> socket.socket:
        """Open a socket for one `getaddrinfo` entry, or raise DestinationRefused."""
        family, kind, proto, _, address = addr_info
        exchange = CURRENT_EXCHANGE.get()
        exchange.dialled = True
        try:
            self._guard.vet_dial(str(address[0]), address[1], plain_http=exchange.plain_http)
        except ForbiddenAddress as refusal:
            raise DestinationRefused(refusal) from refusal
        metrics.webhook_connections.inc()
        return socket.socket(family=family, type=kind, proto=proto)


def open_session(
    guard: AddressGuard,
    resolver: GuardedResolver,
    tls: ssl.SSLContext,
    headers: Mapping[str, str],
    *,
    reuse: bool,
) -> aiohttp.ClientSession:
    """Open a client whose every connection passes the guard, in the running event loop.

    `headers` go with each request; without `reuse` each request gets a connection of its own.
    """
    connector = aiohttp.TCPConnector(
        ssl=tls,
        resolver=resolver,
        socket_factory=GuardedSockets(guard),
        # The resolver shares look-ups and keeps answers itself, for all connectors.
        use_dns_cache=False,
        # Whoever sends bounds how many requests run at once; a second bound here would make them
        # wait inside their own deadlines.
        limit=0,
        force_close=not reuse,
        keepalive_timeout=KEEP_ALIVE_S if reuse else None,
    )
    return aiohttp.ClientSession(
        connector=connector,
        headers=headers,
        cookie_jar=aiohttp.DummyCookieJar(),
        # Packed bytes are counted and kept as they are, which disarms compression bombs.
        auto_decompress=False,
        # The proxies and the netrc of the environment would go round the guard.
        trust_env=False,
        # Whoever sends has one deadline over everything.
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=None),
    )
