"""The URL of a mail server, and what it means for passwords. Pure.

A login is sent only over TLS (RFC 8314 section 3) unless somebody says otherwise in so many words:
whoever sits on the way can strip the offer of STARTTLS, and then reads the password.
"""

import ipaddress
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import parse_qs, unquote, urlsplit

_SUBMISSION, _PLAIN, _IMPLICIT = 587, 25, 465


class Starttls(StrEnum):
    """Whether a connection is encrypted: always, if the server offers it, or not."""

    REQUIRED = "required"
    OFFERED = "offered"
    OFF = "off"


@dataclass(frozen=True, slots=True)
class SmtpServer:
    """Where and how to connect."""

    host: str
    port: int
    user: str | None
    password: str | None
    implicit_tls: bool
    starttls: Starttls


def parse_smtp_url(url: str) -> SmtpServer:
    """Read `smtp://user:password@host:port?starttls=required` or `smtps://…`.

    STARTTLS is required with a user, and used if it is offered without one. A user without it takes
    a loopback host or `login=unencrypted`. Ports default to 465 for smtps, 587 for submission (a
    user or required STARTTLS) and 25 for a plain relay. Raises ValueError with one line that never
    holds the URL, because of the password in it.
    """
    parts = urlsplit(url)
    options = _options(parts.query)
    if parts.scheme not in ("smtp", "smtps") or not parts.hostname:
        raise ValueError("a mail server is smtp://host:port or smtps://host:port")
    user = unquote(parts.username) if parts.username else None
    password = unquote(parts.password) if parts.password else None
    if parts.scheme == "smtps":
        if options:
            raise ValueError("smtps:// is encrypted from the start and takes no options")
        port = parts.port or _IMPLICIT
        return SmtpServer(parts.hostname, port, user, password, True, Starttls.OFF)
    starttls = _starttls(options, user)
    insecure = user is not None and starttls is not Starttls.REQUIRED
    if insecure and "login" not in options and not _is_loopback(parts.hostname):
        raise ValueError(
            "the password could go out unencrypted; write starttls=required or smtps://, or add "
            "&login=unencrypted if that is meant"
        )
    port = _SUBMISSION if user or starttls is Starttls.REQUIRED else _PLAIN
    return SmtpServer(parts.hostname, parts.port or port, user, password, False, starttls)


def _options(query: str) -> dict[str, str]:
    found = {name: values[-1] for name, values in parse_qs(query, True).items()}
    known = found.keys() <= {"starttls", "login"}
    if not known or found.get("login", "unencrypted") != "unencrypted":
        raise ValueError(
            "the options of a mail server are starttls=required, offered or off, and "
            "login=unencrypted"
        )
    return found


def _starttls(options: dict[str, str], user: str | None) -> Starttls:
    default = Starttls.OFFERED if user is None else Starttls.REQUIRED
    try:
        return Starttls(options.get("starttls", default))
    except ValueError:
        raise ValueError("starttls is required, offered or off") from None


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"
