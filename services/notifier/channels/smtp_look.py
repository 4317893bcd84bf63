"""A look at a mail server as the notifier meets it: connect, EHLO, STARTTLS, login, and goodbye."""

import asyncio
from dataclasses import dataclass
from time import perf_counter

import aiosmtplib

from services.notifier.channels.smtp_pool import SmtpPool
from shared.domain.errors import Unavailable
from shared.domain.smtp_url import SmtpServer, Starttls, parse_smtp_url

#: For all of it, in seconds.
TIMEOUT_S = 15.0


@dataclass(frozen=True, slots=True)
class SmtpLook:
    """What was agreed on with a server. `optional` says that encryption was its offer."""

    host: str
    port: int
    encrypted: bool
    optional: bool
    logged_in: bool
    largest_bytes: int | None
    connect_ms: float


def look_at(url: str, timeout_s: float = TIMEOUT_S) -> SmtpLook:
    """Connect as the notifier does, and send nothing.

    Raises Unavailable with what the server said, ValueError for a URL that is none.
    """
    return asyncio.run(_look(parse_smtp_url(url), timeout_s))


async def _look(server: SmtpServer, timeout_s: float) -> SmtpLook:
    pool = SmtpPool(server, size=1, connect_timeout_s=timeout_s)
    started = perf_counter()
    try:
        connection = await pool.acquire()
    except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
        reason = " ".join(str(error).split()) or f"no answer within {timeout_s:g} s"
        place = f"{server.host}:{server.port}"
        raise Unavailable(f"{place}: {type(error).__name__}: {reason}") from error
    connect_ms = (perf_counter() - started) * 1000
    client = connection.client
    size = client.esmtp_extensions.get("size", "")
    encrypted = client.get_transport_info("sslcontext") is not None
    look = SmtpLook(
        server.host,
        server.port,
        encrypted,
        encrypted and server.starttls is Starttls.OFFERED,
        server.user is not None,
        int(size) if size.isdecimal() and int(size) else None,
        connect_ms,
    )
    await pool.release(connection)
    await pool.close()
    return look
