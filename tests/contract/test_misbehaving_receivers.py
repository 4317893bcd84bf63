"""Receivers that are slow, broken or hostile, by HTTP and by TLS: each ends in time, with a reason.

Whatever they do, an attempt ends by its deadline, keeps little, and tells the tenant no address.
"""

import asyncio
import gzip
import socket
import ssl
import struct
import zlib
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from services.notifier.channels.base import Delivered, Outcome, TemporaryFailure
from services.notifier.channels.webhook import WebhookRequest
from services.notifier.health import Verdict
from services.notifier.results import verdict
from tests.certificates import make_certificate
from tests.webhook_servers import (
    SECRET,
    Talk,
    answering,
    channel,
    deliver_raw,
    drip,
    head_of,
    raw_server,
    receiver,
    request,
    server_tls,
)

DEADLINE_S = 0.4
TEN_MB = 10 * 1024 * 1024
BOMB = gzip.compress(b"\0" * 5 * TEN_MB)
DEFLATED = zlib.compress(b"\0" * 5 * TEN_MB)

Reader, Writer = asyncio.StreamReader, asyncio.StreamWriter


def saying(*pieces: bytes, close: bool = True) -> Talk:
    """Read the request, say this, and close or hang."""

    async def talk(reader: Reader, writer: Writer) -> None:
        await head_of(reader)
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
        if not close:
            await asyncio.Event().wait()

    return talk


def dripping(start: bytes, piece: bytes) -> Talk:
    async def talk(reader: Reader, writer: Writer) -> None:
        await head_of(reader)
        writer.write(start)
        await drip(writer, piece)

    return talk


async def reset(reader: Reader, writer: Writer) -> None:
    await head_of(reader)
    sock = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


async def half_closed(reader: Reader, writer: Writer) -> None:
    await head_of(reader)
    writer.write_eof()
    await asyncio.Event().wait()


async def half_closed_in_the_body(reader: Reader, writer: Writer) -> None:
    await head_of(reader)
    writer.write(b"HTTP/1.1 500 X\r\nContent-Length: 100\r\n\r\nabc")
    writer.write_eof()
    await asyncio.Event().wait()


async def silent(reader: Reader, _: Writer) -> None:
    await reader.read()


async def answers_unread(_: Reader, writer: Writer) -> None:
    writer.write(b"HTTP/1.1 413 X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")


OK = b"HTTP/1.1 200 OK\r\n"
BROKEN = b"HTTP/1.1 500 X\r\n"

#: What a receiver does, and what follows: the type, the status, a part of the reason.
CASES: dict[str, tuple[Talk, type[Outcome], int | None, str]] = {
    "10 MB with a length": (
        saying(BROKEN + b"Content-Length: %d\r\n\r\n" % TEN_MB, b"x" * TEN_MB),
        TemporaryFailure,
        500,
        "cut at 65536",
    ),
    "10 MB until the end": (saying(BROKEN + b"\r\n", b"x" * TEN_MB), TemporaryFailure, 500, "cut"),
    "10 MB in chunks": (
        saying(
            BROKEN + b"Transfer-Encoding: chunked\r\n\r\n",
            (b"10000\r\n" + b"x" * 65536 + b"\r\n") * 160,
        ),
        TemporaryFailure,
        500,
        "cut",
    ),
    "a gzip bomb": (
        saying(OK + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(BOMB), BOMB),
        Delivered,
        200,
        "HTTP 200",
    ),
    "a deflate bomb": (
        saying(
            OK + b"Content-Encoding: deflate\r\nContent-Length: %d\r\n\r\n" % len(DEFLATED),
            DEFLATED,
        ),
        Delivered,
        200,
        "HTTP 200",
    ),
    "headers byte by byte": (
        dripping(b"HTTP/1.1 200 OK\r\nX: ", b"a"),
        TemporaryFailure,
        None,
        "within",
    ),
    "a status byte by byte": (dripping(b"HTTP/1.1 2", b""), TemporaryFailure, None, "within"),
    "a body byte by byte": (
        dripping(BROKEN + b"Content-Length: 100000\r\n\r\n", b"."),
        TemporaryFailure,
        500,
        "within",
    ),
    "chunks byte by byte": (
        dripping(BROKEN + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\na\r\n"),
        TemporaryFailure,
        500,
        "within",
    ),
    "endless 100 Continue": (
        dripping(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        TemporaryFailure,
        None,
        "within",
    ),
    "silence": (silent, TemporaryFailure, None, "within"),
    "a reset": (reset, TemporaryFailure, None, "connection"),
    "closed without a word": (saying(), TemporaryFailure, None, "closed before an answer"),
    "half closed": (half_closed, TemporaryFailure, None, "closed before an answer"),
    "half closed in the body": (half_closed_in_the_body, TemporaryFailure, 500, "HTTP 500"),
    "an answer nobody waited for": (answers_unread, TemporaryFailure, 413, "HTTP 413"),
    "a body that ends early": (
        saying(OK + b"Content-Length: 100\r\n\r\nabc"),
        Delivered,
        200,
        "HTTP 200",
    ),
    "two lengths": (
        saying(OK + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd"),
        TemporaryFailure,
        None,
        "not a valid HTTP answer",
    ),
    "a negative length": (
        saying(OK + b"Content-Length: -1\r\n\r\n"),
        TemporaryFailure,
        None,
        "not a valid HTTP answer",
    ),
    "a header without a colon": (
        saying(OK + b"nonsense\r\n\r\n"),
        TemporaryFailure,
        None,
        "not a valid HTTP answer",
    ),
    "a header of a megabyte": (
        saying(OK + b"X: " + b"a" * 2**20 + b"\r\n\r\n"),
        TemporaryFailure,
        None,
        "not a valid HTTP answer",
    ),
    "a mail server": (
        saying(b"220 mail.example ESMTP\r\n"),
        TemporaryFailure,
        None,
        "not a valid HTTP answer",
    ),
    "a TLS alert": (
        saying(b"\x15\x03\x01\x00\x02\x02\x28"),
        TemporaryFailure,
        None,
        "not a valid HTTP answer",
    ),
    "an HTTP/2 preface": (
        saying(b"\x00\x00\x12\x04\x00\x00\x00\x00\x00"),
        TemporaryFailure,
        None,
        "not a valid HTTP answer",
    ),
    "HTTP/1.0": (saying(b"HTTP/1.0 204 X\r\n\r\n"), Delivered, 204, "HTTP 204"),
    "binary in the answer": (
        saying(BROKEN + b"Content-Length: 4\r\n\r\n\x00\xff\x00\xfe"),
        TemporaryFailure,
        500,
        "HTTP 500",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_receiver_that_misbehaves_gets_its_class_and_a_reason(case: str) -> None:
    talk, kind, status, reason = CASES[case]
    outcome = deliver_raw(talk, timeout_s=DEADLINE_S)
    said = outcome.detail if isinstance(outcome, Delivered) else outcome.reason
    assert (type(outcome), outcome.status) == (kind, status)
    assert reason in said
    assert "127.0.0.1" not in said
    assert outcome.duration_ms < 5 * DEADLINE_S * 1000
    assert len(outcome.response_body or "") <= 4096
    assert "\x00" not in (outcome.response_body or "")
    if status is None:
        assert verdict(outcome) is Verdict.FAILED


def test_a_receiver_that_does_not_read_costs_no_more_than_the_deadline() -> None:
    async def talk(_: Reader, __: Writer) -> None:
        await asyncio.Event().wait()

    async def scenario() -> Outcome:
        async with raw_server(talk) as url, channel(timeout_s=DEADLINE_S) as sender:
            large = WebhookRequest(url, "evt_1", b"x" * 2**20, (SECRET,), {})
            return await sender.send(large)

    outcome = asyncio.run(scenario())
    assert isinstance(outcome, TemporaryFailure)
    assert "within" in outcome.reason


def past(folder: Path) -> Path:
    return make_certificate(folder, starts=timedelta(days=-9), ends=timedelta(days=-1))


def to_come(folder: Path) -> Path:
    return make_certificate(folder, starts=timedelta(days=1), ends=timedelta(days=9))


def for_another(folder: Path) -> Path:
    return make_certificate(folder, name="other.example")


@pytest.mark.parametrize(
    ("make", "trusted", "reason"),
    [
        (make_certificate, False, "self-signed certificate"),
        (past, True, "certificate has expired"),
        (to_come, True, "certificate is not yet valid"),
        (for_another, True, "IP address mismatch"),
    ],
    ids=["nobody vouches for it", "expired", "not yet valid", "for another name"],
)
def test_a_certificate_that_is_not_good_is_refused_with_its_reason(
    make: Callable[[Path], Path], trusted: object, reason: str, tmp_path: Path
) -> None:
    certificate = make(tmp_path)

    async def scenario() -> Outcome:
        tls = ssl.create_default_context(cafile=certificate) if trusted else None
        async with (
            receiver(answering(200), tls=server_tls(certificate)) as url,
            channel(tls=tls) as sender,
        ):
            return await sender.send(request(url))

    outcome = asyncio.run(scenario())
    assert isinstance(outcome, TemporaryFailure)
    assert "certificate" in outcome.reason
    assert reason.lower() in outcome.reason.lower()
    assert verdict(outcome) is Verdict.FAILED


def old_tls(certificate: Path) -> ssl.SSLContext:
    context = server_tls(certificate)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("AES128-SHA@SECLEVEL=0")
    return context


def demanding(certificate: Path) -> ssl.SSLContext:
    context = server_tls(certificate)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(certificate)
    return context


@pytest.mark.parametrize("server", [old_tls, demanding], ids=["old ciphers", "client certificate"])
def test_a_handshake_that_fails_is_a_temporary_failure(
    server: Callable[[Path], ssl.SSLContext], tmp_path: Path
) -> None:
    certificate = make_certificate(tmp_path)

    async def scenario() -> Outcome:
        trusting = ssl.create_default_context(cafile=certificate)
        async with (
            receiver(answering(200), tls=server(certificate)) as url,
            channel(tls=trusting) as sender,
        ):
            return await sender.send(request(url))

    outcome = asyncio.run(scenario())
    assert isinstance(outcome, TemporaryFailure)
    assert outcome.status is None
    assert "127.0.0.1" not in outcome.reason


def test_https_to_a_server_that_speaks_plainly_is_a_temporary_failure() -> None:
    async def scenario() -> Outcome:
        async with receiver(answering(200)) as url, channel(timeout_s=DEADLINE_S) as sender:
            return await sender.send(request(url.replace("http:", "https:")))

    outcome = asyncio.run(scenario())
    assert isinstance(outcome, TemporaryFailure)
    assert outcome.operator_detail is not None


def test_a_handshake_that_hangs_costs_no_more_than_the_deadline() -> None:
    async def scenario() -> Outcome:
        async with raw_server(silent) as url, channel(timeout_s=DEADLINE_S) as sender:
            return await sender.send(request(url.replace("http:", "https:")))

    outcome = asyncio.run(scenario())
    assert isinstance(outcome, TemporaryFailure)
    assert "within" in outcome.reason


def test_the_operator_sees_what_the_libraries_said_and_the_tenant_does_not() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]

        async def scenario() -> Outcome:
            async with channel() as sender:
                return await sender.send(request(f"http://localhost:{port}"))

        outcome = asyncio.run(scenario())
    assert isinstance(outcome, TemporaryFailure)
    assert str(port) not in outcome.reason
    assert str(port) in (outcome.operator_detail or "")
