"""A few open connections to the one mail server that everything goes through.

SMTP does one mail at a time, so speed comes from several connections, and connecting costs a dozen
round trips with TLS and login, so each is used again. Servers drop idle clients and limit mails per
connection: bounds of our own, and a RSET before reuse, notice that before a mail is at stake.
"""

import asyncio
import ssl
from collections import deque
from dataclasses import dataclass
from time import monotonic

import aiosmtplib

from shared.domain.smtp_url import SmtpServer, Starttls

MAX_MAILS_PER_CONNECTION = 100
MAX_IDLE_S = 60.0
_QUIT_TIMEOUT_S = 2.0


#: What aiosmtplib calls the ways of `Starttls`.
_START_TLS = {Starttls.REQUIRED: True, Starttls.OFFERED: None, Starttls.OFF: False}


@dataclass(slots=True)
class PooledConnection:
    """One logged-in connection; `healthy` is withdrawn by whoever saw it fail."""

    client: aiosmtplib.SMTP
    mails: int = 0
    last_used: float = 0.0
    healthy: bool = True


class SmtpPool:
    """At most `size` connections to one server, used inside one event loop."""

    def __init__(
        self,
        server: SmtpServer,
        *,
        size: int,
        connect_timeout_s: float,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._server = server
        self._connect_timeout_s = connect_timeout_s
        self._tls = tls
        self._slots = asyncio.Semaphore(size)
        self._idle: deque[PooledConnection] = deque()
        # Looking up our own name can take seconds; the first connection does it for all.
        self._own_name: str | None = None

    async def acquire(self) -> PooledConnection:
        """Wait for a free place and lend a connection that answers; give it back by `release`.

        Raises aiosmtplib.SMTPException, OSError or TimeoutError when none can be had.
        """
        await self._slots.acquire()
        try:
            return await self._reused() or await self._connect()
        except BaseException:
            self._slots.release()
            raise

    async def release(self, connection: PooledConnection) -> None:
        """Take a connection back for reuse, or close it when it is unhealthy or worn out."""
        connection.mails += 1
        connection.last_used = monotonic()
        try:
            if not connection.healthy or not connection.client.is_connected:
                connection.client.close()
            elif connection.mails >= MAX_MAILS_PER_CONNECTION:
                await _quit(connection)
            else:
                self._idle.append(connection)
        finally:
            self._slots.release()

    async def close(self) -> None:
        """Say goodbye on every idle connection."""
        while self._idle:
            await _quit(self._idle.pop())

    async def _reused(self) -> PooledConnection | None:
        while self._idle:
            connection = self._idle.pop()
            if monotonic() - connection.last_used > MAX_IDLE_S:
                await _quit(connection)
                continue
            try:
                async with asyncio.timeout(self._connect_timeout_s):
                    await connection.client.rset()
            except (aiosmtplib.SMTPException, OSError, TimeoutError):
                connection.client.close()
                continue
            return connection
        return None

    async def _connect(self) -> PooledConnection:
        server = self._server
        client = aiosmtplib.SMTP(
            hostname=server.host,
            port=server.port,
            username=server.user,
            password=server.password,
            use_tls=server.implicit_tls,
            start_tls=_START_TLS[server.starttls],
            tls_context=self._tls,
            local_hostname=self._own_name,
            timeout=self._connect_timeout_s,
        )
        # aiosmtplib's own timeout is for each step; this one is for all of them.
        async with asyncio.timeout(self._connect_timeout_s):
            await client.connect()
        self._own_name = client.local_hostname
        return PooledConnection(client)


async def _quit(connection: PooledConnection) -> None:
    try:
        async with asyncio.timeout(_QUIT_TIMEOUT_S):
            await connection.client.quit()
    except (aiosmtplib.SMTPException, OSError, TimeoutError):
        connection.client.close()
