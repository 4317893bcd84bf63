"""How the webhook channel reaches the network: every name and every socket passes the guard.

A resolver alone would be a hole, because aiohttp does not resolve literal addresses; a look at the
URL alone as well, because a name may resolve to something else by the time it is dialled. The
socket factory sees the very address that is about to be connected, so it has the last word.
"""

import asyncio
import errno
import socket
import ssl
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from dataclasses import dataclass

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from shared.domain.address_guard import AddressGuard, ForbiddenAddress

#: For how long vetted addresses of a name are used again, in seconds.
DNS_CACHE_S = 60
#: For how long an idle connection is kept open, in seconds.
KEEP_ALIVE_S = 30.0

_NUMERIC = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV


@dataclass(slots=True)
class Exchange:
    """What is known about the request under way: its scheme, and whether a socket was opened."""

    plain_http: bool
    dialled: bool = False


#: The request that the running task is sending. aiohttp hands the factory an address and nothing
#: else; connection attempts run in this task or in children that inherit its context.
CURRENT_EXCHANGE: ContextVar[Exchange] = ContextVar("patchbay_webhook_exchange")


class DestinationRefused(OSError):
    """The guard said no; an OSError, because that is what aiohttp takes from its hooks."""

    def __init__(self, refusal: ForbiddenAddress) -> None:
        super().__init__(errno.EACCES, refusal.public_reason)
        self.refusal = refusal


class GuardedResolver(AbstractResolver):
    """Resolves host names in threads of its own and refuses a name with any forbidden answer.

    One bad answer spoils the name (and is not filtered out): an honest public endpoint has no
    private addresses, and a name that mixes both is how a guard is got round.
    """

    def __init__(self, guard: AddressGuard, budget_s: float, threads: int = 32) -> None:
        self._guard = guard
        self._budget_s = budget_s
        # Not the loop's executor: a few names whose servers are silent would fill it, and every
        # other user of threads in the process would wait behind them.
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix="patchbay-dns")

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Return vetted addresses; OSError when unresolved, refused or over the time budget."""
        lookup = asyncio.get_running_loop().run_in_executor(
            self._executor, socket.getaddrinfo, host, port, family, socket.SOCK_STREAM
        )
        try:
            async with asyncio.timeout(self._budget_s):
                answers = await lookup
        except TimeoutError:
            raise socket.gaierror(socket.EAI_AGAIN, "name server too slow") from None
        results: list[ResolveResult] = []
        for answer_family, _, proto, _, address in answers:
            ip = str(address[0])
            try:
                self._guard.vet(ip)
            except ForbiddenAddress as refusal:
                raise DestinationRefused(refusal) from refusal
            results.append(
                ResolveResult(
                    hostname=host,
                    host=ip,
                    port=port,
                    family=answer_family,
                    proto=proto,
                    flags=_NUMERIC,
                )
            )
        return results

    async def close(self) -> None:
        """Give up waiting for look-ups; threads end when the system's resolver returns."""
        self._executor.shutdown(wait=False, cancel_futures=True)


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
        ttl_dns_cache=DNS_CACHE_S,
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
