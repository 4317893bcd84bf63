"""No spelling, name, redirect or change of mind leads a webhook into the operator's network.

Every form is really sent, by a guard that would let the trap's port and plain http pass; the trap
listens on this machine and must see no connection at all.
"""

import asyncio
import socket
from collections.abc import Iterator
from ipaddress import IPv4Address, ip_network
from itertools import product
from typing import Any, Self

import pytest
from aiohttp import web

from services.notifier.channels import name_lookups
from services.notifier.channels.base import Delivered, TemporaryFailure
from shared.domain import address_guard
from shared.domain.address_guard import NOT_ALLOWED
from tests.webhook_servers import LOOPBACK, channel, receiver, request

LOCAL = IPv4Address("127.0.0.1")
INSIDE = ("10.0.0.1", "172.16.0.1", "192.168.1.1", "100.64.0.1", "198.18.0.1")
METADATA = ("169.254.169.254", "169.254.170.2", "100.100.100.200", "168.63.129.16", "192.0.0.192")

_DIGITS = {
    "plain": "0123456789",
    "full width": "０１２３４５６７８９",
    "circled": "⓪①②③④⑤⑥⑦⑧⑨",
    "mathematical": "𝟎𝟏𝟐𝟑𝟒𝟓𝟔𝟕𝟖𝟗",
    "superscript": "⁰¹²³⁴⁵⁶⁷⁸⁹",
    "arabic": "٠١٢٣٤٥٦٧٨٩",
}
_DOTS = {"dot": ".", "ideographic": "。", "full width": "．", "half width": "｡"}


def numbers() -> Iterator[str]:
    """An IPv4 address in every notation that some parser takes for one."""
    for text in ("127.0.0.1", "127.1.2.3", "0.0.0.0", "255.255.255.255", *INSIDE, *METADATA):
        number, octets = int(IPv4Address(text)), text.split(".")
        yield text
        yield f"{text}."
        yield str(number)
        yield hex(number)
        yield f"0{number:o}"
        yield ".".join(f"0{int(each):o}" for each in octets)
        yield ".".join(hex(int(each)) for each in octets)
    yield from ("127.1", "127.0.1", "0", "0x7f.1", "0177.1", "127.0.0.01", "127.0.0.0x1")
    yield from ("0x7F.0.0.1", "127.000.000.001")
    yield from ("4294967297", "127.0.0.1.", "0127.0.0.1", "256.0.0.1", "127.0.0.1.0")
    for digits, dot in product(_DIGITS.values(), _DOTS.values()):
        yield "127.0.0.1".translate(str.maketrans("0123456789.", digits + dot))


IPV6 = (
    *("::1", "0:0:0:0:0:0:0:1", "::", "::ffff:127.0.0.1", "::ffff:7f00:1", "::127.0.0.1"),
    *("::ffff:0:127.0.0.1", "64:ff9b::7f00:1", "64:ff9b::127.0.0.1", "64:ff9b:1::7f00:1"),
    *("2002:7f00:1::", "2002:a9fe:a9fe::", "2001:0:7f00:1::", "2001:db8::1", "fe80::1", "fec0::1"),
    *("fc00::1", "fd00:ec2::254", "fd20:ce::254", "ff02::1", "::5efe:7f00:1", "3fff::1", "5f00::1"),
    *("::ffff:169.254.169.254", "::ffff:10.0.0.1", "100::1", "fe80::1%25lo", "::1%25lo"),
)

NAMES = (
    *("localhost", "LOCALHOST", "localhost.", "a.localhost", "localhost.localdomain"),
    *("ip6-localhost", "ip6-loopback", "ｌｏｃａｌｈｏｓｔ", "ⓛⓞⓒⓐⓛⓗⓞⓢⓣ", "locaℓhost", "loc𝐚lhost"),
    *("metadata", "metadata.google.internal", "METADATA.google.internal.", "instance-data"),
)

#: Names of others, and what their owners let them resolve to.
RESOLVES = {
    "127.0.0.1.nip.example": ["127.0.0.1"],
    "localtest.example": ["127.0.0.1"],
    "six.example": ["::1"],
    "mapped.example": ["::ffff:127.0.0.1"],
    "nat64.example": ["64:ff9b::7f00:1"],
    "any.example": ["0.0.0.0"],
    "any6.example": ["::"],
    "inside.example": ["10.1.2.3"],
    "metadata.example": ["169.254.169.254"],
    "metadata6.example": ["fd00:ec2::254"],
    "first-bad.example": ["127.0.0.1", "93.184.215.14"],
    "last-bad.example": ["93.184.215.14", "127.0.0.1"],
    "both-families.example": ["2606:4700::1111", "::1"],
    "zone.example": ["fe80::1%lo"],
    "xn--e1afmkfd.example": ["127.0.0.1"],
    "пример.example": ["127.0.0.1"],
}

TRICKS = (
    *("http://user@127.0.0.1:{port}/", "http://user:pass@127.0.0.1:{port}/"),
    *("http://hooks.example@127.0.0.1:{port}/", "http://127.0.0.1:{port}\\@hooks.example/"),
    *("http://hooks.example\\@127.0.0.1:{port}/", "http://127.0.0.1:{port}#@hooks.example/"),
    *("http://hooks.example#@127.0.0.1:{port}/", "http://127.0.0.1:{port}/#hooks.example"),
    *("http:/127.0.0.1:{port}/", "http:127.0.0.1:{port}/", "http:///127.0.0.1:{port}/"),
    *("//127.0.0.1:{port}/", "http:\\\\127.0.0.1:{port}\\", "http://127.0.0.1:{port}\t/"),
    *("http://127.0.0.1\r\n:{port}/", "http://\t127.0.0.1:{port}/", " http://127.0.0.1:{port}/"),
    *("http://127.0.0.1%00.hooks.example:{port}/", "http://127%2e0%2e0%2e1:{port}/"),
    *(
        "http://%31%32%37.0.0.1:{port}/",
        "http://loc%61lhost:{port}/",
        "http://127.0.0.1%2f:{port}/",
    ),
    *("http://[::1]:{port}@hooks.example/", "http://[::1", "http://::1:{port}/"),
    *("http://[::ffff:127.0.0.1%25lo]:{port}/", "http://[127.0.0.1]:{port}/", "http://[v1.x]/"),
    *("http://127.0.0.1:{port}:80/", "http://127.0.0.1:0{port}x/", "http://127.0.0.1:/"),
    *("http://127.0.0.1:65536/", "http://127.0.0.1:-1/", "http://127.0.0.1:0/"),
    *(
        "http://127.0.0.1:\uff18\uff10/",
        "http://127.0.0.1\u200b:{port}/",
        "http://\u00ad127.0.0.1:{port}/",
    ),
    *("http://127.0.0.1\u2024hooks.example:{port}/", "http://①②⑦.0.0.1:{port}/"),
    *("HTTP://127.0.0.1:{port}/", "hTTp://LocalHost:{port}/", "https://127.0.0.1:{port}/"),
    *("ftp://127.0.0.1:{port}/", "gopher://127.0.0.1:{port}/_x", "file:///etc/passwd"),
    *("dict://127.0.0.1:{port}/", "unix:///run/docker.sock", "http+unix://%2frun%2fx.sock/"),
    *("ws://127.0.0.1:{port}/", "data:text/plain,x", "jar:http://127.0.0.1:{port}!/"),
    *("http://0:{port}/", "http://127.0.0.1:{port}/?u=http://hooks.example", "http://.127.0.0.1/"),
)

FORMS = sorted(
    {
        *(f"http://{each}:{{port}}/" for each in numbers()),
        *(f"http://[{each}]:{{port}}/" for each in IPV6),
        *(f"http://{each}:{{port}}/" for each in (*NAMES, *RESOLVES)),
        *TRICKS,
    }
)


class Trap:
    """Listens on this machine, by IPv4 and IPv6, and counts who comes."""

    def __init__(self) -> None:
        self.connections = 0
        self.port = 0

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._caught, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        self._six = await asyncio.start_server(self._caught, "::1", self.port)
        return self

    async def __aexit__(self, *_: object) -> None:
        for server in (self._server, self._six):
            server.close()

    async def _caught(self, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        writer.close()


@pytest.fixture
def name_server(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """Answers for every name from a table, which a test may change; numbers stay what they are."""
    known = {name: list(addresses) for name, addresses in RESOLVES.items()}

    def look_up(host: str, port: int, *_: Any, **__: Any) -> list[Any]:
        ascii_host = host.encode("idna").decode() if not host.isascii() else host
        addresses = known.get(host) or known.get(ascii_host)
        if addresses is None:
            raise socket.gaierror(socket.EAI_NONAME, "no such name")
        return [
            (
                socket.AF_INET6 if ":" in each else socket.AF_INET,
                socket.SOCK_STREAM,
                6,
                "",
                (each, port, 0, 0) if ":" in each else (each, port),
            )
            for each in addresses
        ]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return known


def test_the_suite_has_at_least_150_forms() -> None:
    assert len(FORMS) >= 150


@pytest.mark.parametrize("form", FORMS, ids=ascii)
def test_no_form_reaches_the_inside(
    form: str, name_server: dict[str, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario() -> tuple[Any, int]:
        async with Trap() as trap, channel(allowed=(), allow_http=True) as sender:
            monkeypatch.setattr(address_guard, "COMMON_PORTS", frozenset({trap.port}))
            outcome = await sender.send(request(form.replace("{port}", str(trap.port))))
            return outcome, trap.connections

    outcome, connections = asyncio.run(scenario())
    assert connections == 0
    assert isinstance(outcome, TemporaryFailure)
    assert outcome.status is None
    assert "connection" not in outcome.reason, "refused, not tried in vain"
    for secret in ("127.0.0.1", "::1", "169.254", "10.1.2.3", "loopback", "metadata"):
        assert secret not in outcome.reason, "the tenant must not learn what we know"


def test_the_trap_would_have_caught_them() -> None:
    """The same form, with the guard told to let it pass, arrives."""

    async def scenario() -> tuple[Any, int]:
        async with Trap() as trap, channel(allowed=LOOPBACK) as sender:
            outcome = await sender.send(request(f"http://127.0.0.1:{trap.port}/"))
            return outcome, trap.connections

    outcome, connections = asyncio.run(scenario())
    assert isinstance(outcome, Delivered)
    assert connections == 1


def test_the_operator_is_told_the_real_reason_and_the_tenant_a_generic_one(
    name_server: dict[str, list[str]],
) -> None:
    async def scenario() -> Any:
        async with channel(allowed=(), allow_http=True) as sender:
            return await sender.send(request("https://inside.example/"))

    outcome = asyncio.run(scenario())
    assert outcome.reason == NOT_ALLOWED
    assert outcome.operator_detail == "10.1.2.3 is private (10.0.0.0/8)"


def test_a_name_that_is_rebound_is_not_followed_inside(
    name_server: dict[str, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first answer is allowed and reached; the second one is not, a moment later."""
    monkeypatch.setattr(name_lookups, "DNS_CACHE_S", 0)

    async def well(_: web.Request) -> web.Response:
        return web.Response(headers={"Connection": "close"})

    async def scenario() -> tuple[Any, Any, int]:
        allowed = (ip_network("127.0.0.2/32"),)
        async with (
            Trap() as trap,
            receiver(well, host="127.0.0.2", port=trap.port) as _,
            channel(allowed=allowed, allow_http=True) as sender,
        ):
            monkeypatch.setattr(address_guard, "COMMON_PORTS", frozenset({trap.port}))
            url = f"http://rebound.example:{trap.port}/"
            name_server["rebound.example"] = ["127.0.0.2"]
            first = await sender.send(request(url))
            name_server["rebound.example"] = ["127.0.0.1"]
            return first, await sender.send(request(url)), trap.connections

    first, second, connections = asyncio.run(scenario())
    assert isinstance(first, Delivered)
    assert second.reason == NOT_ALLOWED
    assert connections == 0


@pytest.mark.parametrize("status", [300, 301, 302, 303, 304, 305, 307, 308])
@pytest.mark.parametrize("header", ["Location", "Refresh", "Link", "Alt-Svc", "Content-Location"])
def test_nothing_in_an_answer_leads_elsewhere(
    status: int, header: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario() -> tuple[Any, int]:
        async with Trap() as trap:
            target = f"http://127.0.0.1:{trap.port}/"
            value = {
                "Refresh": f"0; url={target}",
                "Link": f"<{target}>; rel=preload",
                "Alt-Svc": f'h2="127.0.0.1:{trap.port}"',
            }.get(header, target)

            async def moved(_: web.Request) -> web.Response:
                return web.Response(status=status, headers={header: value})

            async with (
                receiver(moved, host="127.0.0.2") as url,
                channel(allowed=(ip_network("127.0.0.0/8"),)) as sender,
            ):
                return await sender.send(request(url)), trap.connections

    outcome, connections = asyncio.run(scenario())
    assert isinstance(outcome, TemporaryFailure)
    assert outcome.status == status
    assert connections == 0
