"""The webhook channel against real receivers on this machine: honest, slow, broken and hostile."""

import asyncio
import gzip
import os
import resource
import socket
import ssl
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
import standardwebhooks
import structlog
from aiohttp import web

from services.notifier.channels.base import (
    Delivered,
    Outcome,
    PermanentFailure,
    Postponed,
    TemporaryFailure,
)
from services.notifier.channels.guarded_dial import (
    CURRENT_EXCHANGE,
    DestinationRefused,
    Exchange,
    GuardedResolver,
    GuardedSockets,
)
from services.notifier.channels.name_lookups import NameLookups
from services.notifier.channels.webhook import WebhookRequest
from shared.domain.address_guard import NOT_ALLOWED, AddressGuard
from shared.domain.webhook_signature import new_secret
from tests.webhook_servers import (
    BODY,
    NOW,
    SECRET,
    answering,
    channel,
    deliver,
    deliver_raw,
    drip,
    head_of,
    raw_server,
    receiver,
    request,
    server_tls,
)


def present() -> datetime:
    """The present second; the library refuses what is older than five minutes."""
    return datetime.now(UTC).replace(microsecond=0)


def test_a_receiver_with_an_independent_library_accepts_the_message() -> None:
    seen: list[web.Request] = []
    now = present()

    async def handler(got: web.Request) -> web.Response:
        standardwebhooks.Webhook(SECRET).verify(await got.read(), dict(got.headers))
        assert await got.read() == BODY
        seen.append(got)
        return web.Response(text="thanks")

    outcome = deliver(handler, now=now)
    assert isinstance(outcome, Delivered)
    assert (outcome.status, outcome.response_body) == (200, "thanks")
    headers = seen[0].headers
    assert headers["webhook-id"] == "evt_1"
    assert headers["webhook-timestamp"] == str(int(now.timestamp()))
    assert headers["content-type"] == "application/json"
    assert headers["user-agent"] == "Patchbay/9.9"
    assert headers["accept-encoding"] == "identity"
    assert "cookie" not in headers


def test_both_secrets_of_a_rotation_sign() -> None:
    async def scenario() -> Outcome:
        old = new_secret()

        async def handler(got: web.Request) -> web.Response:
            standardwebhooks.Webhook(old).verify(await got.read(), dict(got.headers))
            return web.Response()

        async with receiver(handler) as url, channel(now=present()) as sender:
            return await sender.send(WebhookRequest(url, "evt_1", BODY, (SECRET, old), {}))

    assert isinstance(asyncio.run(scenario()), Delivered)


def test_a_subscriber_may_add_headers_but_not_replace_ours() -> None:
    seen: dict[str, str] = {}

    async def handler(got: web.Request) -> web.Response:
        seen.update({name.lower(): value for name, value in got.headers.items()})
        return web.Response()

    async def scenario() -> Outcome:
        wanted = {
            "Authorization": "Bearer x",
            "Webhook-Signature": "v1,forged",
            "webhook-extra": "x",
            "Host": "elsewhere.example",
            "Content-Length": "3",
            "User-Agent": "me",
        }
        async with receiver(handler) as url, channel() as sender:
            return await sender.send(WebhookRequest(url, "evt_1", BODY, (SECRET,), wanted))

    assert isinstance(asyncio.run(scenario()), Delivered)
    assert seen["authorization"] == "Bearer x"
    assert seen["host"].startswith("127.0.0.1")
    assert seen["user-agent"] == "Patchbay/9.9"
    assert "forged" not in seen["webhook-signature"]
    assert "webhook-extra" not in seen


def test_a_header_that_would_smuggle_a_second_one_is_not_sent() -> None:
    async def scenario() -> Outcome:
        async with receiver(answering(200)) as url, channel() as sender:
            bad = {"X-Note": "a\r\nX-Evil: b"}
            return await sender.send(WebhookRequest(url, "evt_1", BODY, (SECRET,), bad))

    assert isinstance(asyncio.run(scenario()), TemporaryFailure)


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_any_2xx_is_a_delivery(status: int) -> None:
    assert isinstance(deliver(answering(status)), Delivered)


@pytest.mark.parametrize("status", [400, 401, 404, 408, 425, 500, 502, 503, 504])
def test_any_other_refusal_is_tried_again(status: int) -> None:
    outcome = deliver(answering(status, "why"))
    assert isinstance(outcome, TemporaryFailure)
    assert (outcome.status, outcome.response_body) == (status, "why")
    assert outcome.retry_after_s is None


def test_410_gone_is_final() -> None:
    outcome = deliver(answering(410))
    assert isinstance(outcome, PermanentFailure)
    assert outcome.gone


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(
    ("value", "expected_s"),
    [
        ("120", 120),
        (format_datetime(NOW + timedelta(seconds=90), usegmt=True), 90),
        (format_datetime(NOW - timedelta(seconds=90), usegmt=True), 0),
        ("soon", None),
        ("-5", None),
        ("1" * 400, None),
    ],
    ids=["seconds", "a date to come", "a date gone by", "words", "negative", "endless"],
)
def test_the_wait_that_a_receiver_asks_for_is_passed_on(
    status: int, value: str, expected_s: int | None
) -> None:
    outcome = deliver(answering(status, Retry_After=value))
    assert isinstance(outcome, TemporaryFailure)
    assert outcome.retry_after_s == expected_s


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(status: int) -> None:
    hits: list[str] = []

    async def second(got: web.Request) -> web.Response:
        hits.append(got.path)
        return web.Response()

    async def scenario() -> tuple[Outcome, str]:
        async with receiver(second) as target:
            location = f"{target}/moved"
            async with receiver(answering(status, Location=location)) as url, channel() as sender:
                return await sender.send(request(url)), location

    outcome, location = asyncio.run(scenario())
    assert isinstance(outcome, TemporaryFailure)
    assert outcome.status == status
    assert location in outcome.reason
    assert hits == []


def test_a_receiver_that_never_answers_costs_no_more_than_the_deadline() -> None:
    async def handler(_: web.Request) -> web.Response:
        await asyncio.Event().wait()
        raise AssertionError

    outcome = deliver(handler, timeout_s=0.3)
    assert isinstance(outcome, TemporaryFailure)
    assert outcome.status is None
    assert 290 <= outcome.duration_ms < 3000
    assert "0.3 s" in outcome.reason


def test_a_receiver_that_drips_its_headers_costs_no_more_than_the_deadline() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await head_of(reader)
        writer.write(b"HTTP/1.1 200 OK\r\n")
        await drip(writer, b"X-More: 1\r\n")

    outcome = deliver_raw(talk, timeout_s=0.3)
    assert isinstance(outcome, TemporaryFailure)
    assert outcome.duration_ms < 3000


@pytest.mark.parametrize(("status", "expected"), [(200, Delivered), (500, TemporaryFailure)])
def test_a_body_that_drips_is_cut_at_the_deadline_and_the_status_stands(
    status: int, expected: type[Outcome]
) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await head_of(reader)
        writer.write(b"HTTP/1.1 %d X\r\nContent-Length: 1000000\r\n\r\n" % status)
        await drip(writer, b".")

    outcome = deliver_raw(talk, timeout_s=0.3)
    assert isinstance(outcome, expected)
    assert outcome.status == status
    assert 290 <= outcome.duration_ms < 3000
    assert outcome.response_body is None or set(outcome.response_body) == {"."}


def test_of_a_huge_body_little_is_read_and_less_is_kept() -> None:
    sent = 0

    async def handler(got: web.Request) -> web.StreamResponse:
        nonlocal sent
        response = web.StreamResponse()
        await response.prepare(got)
        while True:
            await response.write(b"x" * 65536)
            sent += 65536

    outcome = deliver(handler)
    assert isinstance(outcome, Delivered)
    assert outcome.response_body == "x" * 4096
    assert "cut" in outcome.detail
    assert sent < 64 * 1024 * 1024


def test_a_compression_bomb_is_not_unpacked() -> None:
    bomb = gzip.compress(b"\0" * 50_000_000)

    async def handler(_: web.Request) -> web.Response:
        return web.Response(body=bomb, headers={"Content-Encoding": "gzip"})

    outcome = deliver(handler)
    assert isinstance(outcome, Delivered)
    assert outcome.response_body is not None
    assert len(outcome.response_body) <= 4096
    assert "\x00" not in outcome.response_body


def test_a_connection_that_is_reset_is_a_temporary_failure() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await head_of(reader)
        sock = writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    outcome = deliver_raw(talk)
    assert isinstance(outcome, TemporaryFailure)
    assert "127.0.0.1" not in outcome.reason


@pytest.mark.parametrize("nonsense", [b"", b"SSH-2.0-OpenSSH_9.6\r\n", b"HTTP/9.9 abc\r\n\r\n"])
def test_what_is_not_http_is_a_temporary_failure(nonsense: bytes) -> None:
    connections = 0

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        await head_of(reader)
        writer.write(nonsense)

    assert isinstance(deliver_raw(talk), TemporaryFailure)
    assert connections == 1, "a fresh connection that failed is not tried again at once"


def test_nobody_listening_is_a_temporary_failure_without_the_address_in_it() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://localhost:{unused.getsockname()[1]}"

        async def scenario() -> Outcome:
            async with channel() as sender:
                return await sender.send(request(url))

        outcome = asyncio.run(scenario())
    assert isinstance(outcome, TemporaryFailure)
    assert "refused" in outcome.reason
    assert "127.0.0.1" not in outcome.reason
    assert "::1" not in outcome.reason


def test_connections_are_used_again() -> None:
    peers: set[Any] = set()

    async def handler(got: web.Request) -> web.Response:
        assert got.transport is not None
        peers.add(got.transport.get_extra_info("peername"))
        return web.Response(text="ok")

    async def scenario() -> list[Outcome]:
        async with receiver(handler) as url, channel() as sender:
            return [await sender.send(request(url)) for _ in range(5)]

    assert all(isinstance(outcome, Delivered) for outcome in asyncio.run(scenario()))
    assert len(peers) == 1


def test_a_kept_connection_that_turns_out_dead_is_replaced_at_once() -> None:
    heads: list[list[bytes]] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        mine: list[bytes] = []
        heads.append(mine)
        mine.append(await head_of(reader))
        writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
        mine.append(await head_of(reader))

    async def scenario() -> list[Outcome]:
        async with raw_server(talk) as url, channel() as sender:
            return [await sender.send(request(url)) for _ in range(2)]

    assert all(isinstance(outcome, Delivered) for outcome in asyncio.run(scenario()))
    assert [len(mine) for mine in heads] == [2, 1]
    assert all(b"webhook-id: evt_1" in head for mine in heads for head in mine)


def test_the_request_on_the_connection_in_place_of_a_dead_one_is_whole() -> None:
    bodies: list[bytes] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(2 if not bodies else 1):
            await reader.readuntil(b"\r\n\r\n")
            bodies.append(await reader.readexactly(len(BODY)))
            if len(bodies) != 2:
                writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")

    async def scenario() -> list[Outcome]:
        async with raw_server(talk) as url, channel() as sender:
            return [await sender.send(request(url)) for _ in range(2)]

    assert all(isinstance(outcome, Delivered) for outcome in asyncio.run(scenario()))
    assert bodies == [BODY, BODY, BODY]


@contextmanager
def no_more_files() -> Iterator[None]:
    """Let this process open nothing more for a time."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    lowest = os.open(os.devnull, os.O_RDONLY)
    os.close(lowest)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_connections_that_we_cannot_open_are_no_failure_of_the_receivers() -> None:
    async def handler(_: web.Request) -> web.Response:
        return web.Response(status=204)

    async def scenario() -> tuple[Outcome, Outcome]:
        async with receiver(handler) as url, channel() as sender:
            # The certificate authorities are read with the first one, to nobody here.
            await sender.send(request("http://127.0.0.1:1/"))
            with no_more_files():
                lacking = await sender.send(request(url))
            return lacking, await sender.send(request(url))

    lacking, later = asyncio.run(scenario())
    assert isinstance(lacking, Postponed)
    assert NOW + timedelta(seconds=10) <= lacking.until <= NOW + timedelta(seconds=30)
    assert "may open no more connections" in lacking.reason
    assert isinstance(later, Delivered)


@pytest.mark.parametrize("frozen", [True, False])
def test_a_receiver_has_not_failed_while_this_process_stood_still(*, frozen: bool) -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        reached.set()
        await reader.read()
        writer.close()

    reached = asyncio.Event()

    async def scenario() -> Outcome:
        async with raw_server(silent) as url, channel(timeout_s=2.5) as sender:
            # A session is open, and its loop runs.
            await sender.send(request("http://127.0.0.1:1/"))
            sending = asyncio.create_task(sender.send(request(url)))
            await reached.wait()
            if frozen:
                time.sleep(4)  # noqa: ASYNC251 -- as if the process were stopped
            return await sending

    outcome = asyncio.run(scenario())
    assert isinstance(outcome, TemporaryFailure)
    assert outcome.ours is frozen
    assert ("while this notifier stood still for" in outcome.reason) is frozen


def test_a_half_answer_on_a_kept_connection_is_not_sent_again_at_once() -> None:
    connections = 0

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        await head_of(reader)
        writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
        await head_of(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nX-Half: ")

    async def scenario() -> Outcome:
        async with raw_server(talk) as url, channel() as sender:
            await sender.send(request(url))
            return await sender.send(request(url))

    assert isinstance(asyncio.run(scenario()), TemporaryFailure)
    assert connections == 1


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]"])
@pytest.mark.parametrize("allowed", [(), (ip_network("10.0.0.0/8"),)])
def test_this_machine_is_not_reached_unless_it_is_allowed(
    host: str, allowed: tuple[Any, ...]
) -> None:
    hits: list[str] = []

    async def handler(got: web.Request) -> web.Response:
        hits.append(got.path)
        return web.Response()

    async def scenario() -> Outcome:
        async with receiver(handler) as url, channel(allowed=allowed, allow_http=True) as sender:
            return await sender.send(request(url.replace("127.0.0.1", host)))

    outcome = asyncio.run(scenario())
    assert isinstance(outcome, TemporaryFailure)
    assert outcome.reason == NOT_ALLOWED
    assert hits == []


def test_the_operator_is_told_which_address_was_refused() -> None:
    async def scenario() -> Outcome:
        async with channel(allowed=()) as sender:
            return await sender.send(request("https://127.0.0.1/secret-path"))

    with structlog.testing.capture_logs() as lines:
        asyncio.run(scenario())
    assert [line["event"] for line in lines] == ["webhook.refused"]
    assert "127.0.0.1 is loopback" in lines[0]["reason"]
    assert "secret-path" not in str(lines), "the path of a url is often a token"


def test_a_name_that_resolves_to_this_machine_is_refused_by_the_resolver() -> None:
    async def scenario() -> None:
        resolver = GuardedResolver(AddressGuard(), NameLookups(budget_s=5))
        try:
            await resolver.resolve("localhost", 80, socket.AF_UNSPEC)
        finally:
            await resolver.close()

    with pytest.raises(DestinationRefused) as refused:
        asyncio.run(scenario())
    assert NOT_ALLOWED in str(refused.value)
    assert "127.0.0.1" not in str(refused.value)
    assert "::1" not in str(refused.value)


def test_one_forbidden_answer_spoils_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = [
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 443))
        for address in ("93.184.215.14", "10.0.0.1")
    ]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_: answers)

    async def scenario() -> Outcome:
        async with channel(allowed=()) as sender:
            return await sender.send(request("https://mixed.example/"))

    with structlog.testing.capture_logs() as lines:
        outcome = asyncio.run(scenario())
    assert isinstance(outcome, TemporaryFailure)
    assert outcome.reason == NOT_ALLOWED
    assert "10.0.0.1 is private" in lines[0]["reason"]


def test_a_name_server_that_is_silent_costs_no_more_than_its_budget(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answer = threading.Event()

    def silent(*_: Any) -> list[Any]:
        answer.wait()
        return []

    async def scenario() -> None:
        resolver = GuardedResolver(AddressGuard(), NameLookups(budget_s=0.1))
        try:
            with pytest.raises(socket.gaierror):
                await resolver.resolve("slow.example", 443)
        finally:
            answer.set()
            await resolver.close()

    with monkeypatch.context() as patch:
        patch.setattr(socket, "getaddrinfo", silent)
        asyncio.run(scenario())


def test_no_socket_is_made_for_an_address_that_changed_after_it_was_vetted() -> None:
    sockets = GuardedSockets(AddressGuard())
    CURRENT_EXCHANGE.set(Exchange(plain_http=False))
    rebound = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("169.254.169.254", 443))
    with pytest.raises(DestinationRefused):
        sockets(rebound)


def test_an_allowed_name_is_resolved_and_reached() -> None:
    async def scenario() -> Outcome:
        async with receiver(answering(200)) as url, channel() as sender:
            return await sender.send(request(url.replace("127.0.0.1", "localhost")))

    assert isinstance(asyncio.run(scenario()), Delivered)


def test_a_name_that_does_not_exist_is_a_temporary_failure() -> None:
    async def scenario() -> Outcome:
        async with channel(timeout_s=8) as sender:
            return await sender.send(request("https://does-not-exist.invalid/"))

    outcome = asyncio.run(scenario())
    assert isinstance(outcome, TemporaryFailure)
    assert outcome.reason == "the host name cannot be resolved"


def test_proxies_of_the_environment_are_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert isinstance(deliver(answering(200)), Delivered)


def test_cookies_are_not_kept() -> None:
    seen: list[bool] = []

    async def handler(got: web.Request) -> web.Response:
        seen.append("Cookie" in got.headers)
        return web.Response(headers={"Set-Cookie": "session=1; Path=/"})

    async def scenario() -> None:
        async with receiver(handler) as url, channel() as sender:
            for _ in range(2):
                await sender.send(request(url))

    asyncio.run(scenario())
    assert seen == [False, False]


def test_a_certificate_nobody_vouches_for_is_refused(certificate: Path) -> None:
    async def scenario() -> Outcome:
        async with (
            receiver(answering(200), tls=server_tls(certificate)) as url,
            channel() as sender,
        ):
            return await sender.send(request(url))

    outcome = asyncio.run(scenario())
    assert isinstance(outcome, TemporaryFailure)
    assert "certificate" in outcome.reason


def test_a_certificate_of_the_operators_authority_is_accepted(certificate: Path) -> None:
    trusting = ssl.create_default_context(cafile=certificate)

    async def scenario() -> Outcome:
        async with (
            receiver(answering(200), tls=server_tls(certificate)) as url,
            channel(tls=trusting) as sender,
        ):
            return await sender.send(request(url))

    assert isinstance(asyncio.run(scenario()), Delivered)


def test_cancellation_is_not_swallowed() -> None:
    async def scenario() -> None:
        asked = asyncio.Event()

        async def handler(_: web.Request) -> web.Response:
            asked.set()
            await asyncio.Event().wait()
            raise AssertionError

        async with receiver(handler) as url, channel() as sender:
            sending = asyncio.ensure_future(sender.send(request(url)))
            await asked.wait()
            sending.cancel()
            with pytest.raises(asyncio.CancelledError):
                await sending

    asyncio.run(scenario())
