"""Mail over SMTP, with an honest answer to "did it get through?".

SMTP cannot be asked twice: between the last byte of a mail and the server's reply to it nobody can
know whether the server has taken it (RFC 1047, RFC 5321 section 6.1). So the caller is told right
before DATA begins and records that, and whatever is lost after that moment is Unknown; what is
lost before it can be sent again without harm.

A fault that the operator has to mend (login, certificate, sender) is temporary whatever its code:
it says nothing about the recipient, and no mail should be lost over a mistyped password.
"""

import asyncio
import re
import ssl
from time import perf_counter

import aiosmtplib

from services.notifier.channels.base import (
    Delivered,
    Outcome,
    OutgoingMail,
    PermanentFailure,
    TemporaryFailure,
    Unknown,
)
from services.notifier.channels.mail_address import InvalidMailbox, parse_mailbox
from services.notifier.channels.smtp_pool import PooledConnection, SmtpPool
from shared.domain.smtp_url import parse_smtp_url

#: For connecting: look-up, TCP, greeting, EHLO, TLS and login together.
CONNECT_TIMEOUT_S = 30.0
#: For each of MAIL and RCPT. RFC 5321 section 4.5.3.2 says 5 minutes for a server far away over a
#: bad line; a relay that takes longer than this is better tried again by the schedule.
COMMAND_TIMEOUT_S = 60.0
#: From DATA to the final reply. RFC 5321 section 4.5.3.2.6 asks for 10 minutes with good reason:
#: content filters and throttling providers answer late, and giving up makes a delivered mail
#: Unknown. Only a silent relay makes anybody wait that long, and then nothing better can be done.
DATA_REPLY_TIMEOUT_S = 600.0

_MAX_DETAIL_LENGTH = 300
_GOODBYE = 421
_TOO_LARGE = 552
#: RFC 4954 sections 4 and 6: the server wants another or a better login.
_LOGIN_NEEDED = (530, 534, 535, 538)
#: What servers answer to an address that does not exist, and the enhanced status beside it: bad
#: mailbox, bad system, ambiguous, moved (RFC 3463 section 3.2). 5.7.1, refused by policy, is not.
_NO_MAILBOX = (550, 551, 553)
_BAD_ADDRESS = re.compile(r"\b5\.1\.(1|2|3|6|10)\b")


class SmtpChannel:
    """Hands mails to one server over `connections` reused connections, inside one event loop.

    `url` is what `parse_smtp_url` reads; raises ValueError for another one. `tls` replaces the
    system's certificate authorities.
    """

    def __init__(
        self,
        url: str,
        *,
        connections: int = 4,
        connect_timeout_s: float = CONNECT_TIMEOUT_S,
        command_timeout_s: float = COMMAND_TIMEOUT_S,
        data_reply_timeout_s: float = DATA_REPLY_TIMEOUT_S,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._pool = SmtpPool(
            parse_smtp_url(url), size=connections, connect_timeout_s=connect_timeout_s, tls=tls
        )
        self._command_timeout_s = command_timeout_s
        self._data_reply_timeout_s = data_reply_timeout_s

    async def send(self, mail: OutgoingMail) -> Outcome:
        """Hand over one mail, awaiting `mail.on_data` between RCPT and DATA.

        Every fault of the mail server is an outcome; cancellation and what `on_data` raises pass.
        """
        started = perf_counter()
        try:
            connection = await self._pool.acquire()
        except (aiosmtplib.SMTPException, OSError, TimeoutError) as fault:
            return _not_connected(fault, _since_ms(started))
        try:
            refusal = await self._envelope(connection, mail, started)
            if refusal is not None:
                return refusal
            await mail.on_data()
            return await self._data(connection, mail.message, started)
        except BaseException:
            connection.healthy = False
            raise
        finally:
            await self._pool.release(connection)

    async def close(self) -> None:
        """Say goodbye to the server."""
        await self._pool.close()

    async def _envelope(
        self, connection: PooledConnection, mail: OutgoingMail, started: float
    ) -> TemporaryFailure | PermanentFailure | None:
        client, timeout_s = connection.client, self._command_timeout_s
        try:
            # Checked once more here: aiosmtplib would take the first of two addresses in silence.
            sender, recipient = parse_mailbox(mail.sender), parse_mailbox(mail.recipient)
            await client.mail(sender.address, timeout=timeout_s)
            await client.rcpt(recipient.address, timeout=timeout_s)
        except aiosmtplib.SMTPResponseException as fault:
            connection.healthy = fault.code != _GOODBYE
            return _refused(fault, _since_ms(started))
        except (aiosmtplib.SMTPException, OSError) as fault:
            connection.healthy = False
            reason = f"the connection to the mail server was lost ({type(fault).__name__})"
            return TemporaryFailure(reason, duration_ms=_since_ms(started))
        except InvalidMailbox as fault:
            return PermanentFailure(str(fault), duration_ms=_since_ms(started))
        return None

    async def _data(self, connection: PooledConnection, message: bytes, started: float) -> Outcome:
        try:
            async with asyncio.timeout(self._data_reply_timeout_s):
                code, text = await connection.client.data(message, timeout=None)
        except aiosmtplib.SMTPResponseException as fault:
            connection.healthy = 400 <= fault.code < 600 and fault.code != _GOODBYE
            if 400 <= fault.code < 600:
                return _refused(fault, _since_ms(started))
            reason = f"not a reply to DATA: {_detail(fault)}"
            return Unknown(reason, fault.code, duration_ms=_since_ms(started))
        except (aiosmtplib.SMTPException, OSError, TimeoutError) as fault:
            connection.healthy = False
            reason = f"no reply from the mail server after DATA began ({type(fault).__name__})"
            return Unknown(reason, duration_ms=_since_ms(started))
        return Delivered(code, _one_line(f"{code} {text}"), _since_ms(started))


def _refused(
    fault: aiosmtplib.SMTPResponseException, duration_ms: int
) -> TemporaryFailure | PermanentFailure:
    """Read the first digit of a refusal (RFC 5321 section 4.2.1), but spare what we caused."""
    detail = _detail(fault)
    if fault.code in _LOGIN_NEEDED:
        reason = f"the mail server wants us to log in: {detail}"
        return TemporaryFailure(reason, fault.code, refuses_us=True, duration_ms=duration_ms)
    if isinstance(fault, aiosmtplib.SMTPSenderRefused) and fault.code != _TOO_LARGE:
        reason = f"the mail server refuses our sender address: {detail}"
        ours = fault.code >= 500
        return TemporaryFailure(reason, fault.code, refuses_us=ours, duration_ms=duration_ms)
    if 500 <= fault.code < 600:
        unknown = fault.code in _NO_MAILBOX and bool(_BAD_ADDRESS.search(detail))
        return PermanentFailure(detail, fault.code, no_mailbox=unknown, duration_ms=duration_ms)
    return TemporaryFailure(detail, fault.code, duration_ms=duration_ms)


def _not_connected(fault: Exception, duration_ms: int) -> TemporaryFailure:
    code = fault.code if isinstance(fault, aiosmtplib.SMTPResponseException) else None
    refuses_us = code in _LOGIN_NEEDED
    if isinstance(fault, aiosmtplib.SMTPAuthenticationError):
        reason = f"the mail server refuses our user name or password: {_detail(fault)}"
    elif isinstance(fault, aiosmtplib.SMTPResponseException):
        reason = f"the mail server refuses the connection: {_detail(fault)}"
    elif type(fault) is aiosmtplib.SMTPException:
        # It offers no STARTTLS, or no AUTH, and we are to use it: mended by the operator alone.
        reason, refuses_us = _one_line(f"the mail server cannot be used: {fault}"), True
    elif isinstance(fault, TimeoutError):
        reason = "the mail server does not answer"
    else:
        reason = _one_line(f"the mail server cannot be reached: {fault}")
    return TemporaryFailure(reason, code, refuses_us=refuses_us, duration_ms=duration_ms)


def _detail(fault: aiosmtplib.SMTPResponseException) -> str:
    return _one_line(f"{fault.code} {fault.message}")


def _one_line(text: str) -> str:
    return " ".join(text.replace("\x00", "").split())[:_MAX_DETAIL_LENGTH]


def _since_ms(started: float) -> int:
    return int((perf_counter() - started) * 1000)
