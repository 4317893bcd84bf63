"""No spelling, name, redirect or change of mind leads a webhook into the operator's network.

Every form is really sent, by a guard that would let the trap's port and plain http pass; the trap
listens on this machine and must see no connection at all.
"""

import asyncio
import socket
from ipaddress import ip_network
from typing import Any, Self

import pytest
from aiohttp import web

from services.notifier.channels import name_lookups
from services.notifier.channels.base import Delivered, TemporaryFailure
from shared.domain import address_guard
from shared.domain.address_guard import NOT_ALLOWED
from tests.ssrf_forms import FORMS, RESOLVES, name_server_of
from tests.webhook_servers import LOOPBACK, channel, receiver, request


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
    monkeypatch.setattr(socket, "getaddrinfo", name_server_of(known))
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
