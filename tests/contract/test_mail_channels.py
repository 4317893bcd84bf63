"""The mail channels: SMTP against real servers that refuse, drop and go silent, and the folder."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

from services.notifier.channels.base import (
    Delivered,
    Outcome,
    OutgoingMail,
    PermanentFailure,
    TemporaryFailure,
    Unknown,
)
from services.notifier.channels.eml_folder import EmlFolderChannel
from services.notifier.channels.smtp import SmtpChannel

MESSAGE = b"Subject: x\r\n\r\nOne line\r\n.\r\n..two dots\r\nthe end\r\n"


@dataclass
class Desk:
    """The server's side: what it answers at each step, and what it saw, in order."""

    mail: str = "250 OK"
    rcpt: str = "250 OK"
    data: str = "250 queued as 42"
    drop_at: str = ""
    silent_at: str = ""
    steps: list[str] = field(default_factory=list)
    received: list[bytes] = field(default_factory=list)
    peers: set[Any] = field(default_factory=set)

    async def handle_MAIL(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        self.peers.add(session.peer)
        reply = await self._step("MAIL", self.mail, server)
        envelope.mail_from = address
        return reply

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        reply = await self._step("RCPT", self.rcpt, server)
        envelope.rcpt_tos.append(address)
        return reply

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        reply = await self._step("DATA", self.data, server)
        assert isinstance(envelope.content, bytes)
        self.received.append(envelope.content)
        return reply

    async def _step(self, name: str, reply: str, server: SMTP) -> str:
        self.steps.append(name)
        if self.silent_at == name:
            await asyncio.Event().wait()
        if self.drop_at == name:
            assert isinstance(server.transport, asyncio.Transport)
            server.transport.abort()
        return reply


@asynccontextmanager
async def smtp_server(
    desk: Desk, *, implicit_tls: ssl.SSLContext | None = None, port: int = 0, **options: Any
) -> AsyncIterator[int]:
    """Run an SMTP server for `desk`; yields its port and drops every connection at the end."""
    sessions: list[SMTP] = []

    def session() -> SMTP:
        sessions.append(SMTP(desk, hostname="desk.test", **options))
        return sessions[-1]

    loop = asyncio.get_running_loop()
    server = await loop.create_server(session, "127.0.0.1", port, ssl=implicit_tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for each in sessions:
            # In Python 3.11.2 one that has closed by itself cannot be aborted any more.
            if isinstance(each.transport, asyncio.Transport) and not each.transport.is_closing():
                each.transport.abort()
        await server.wait_closed()


@asynccontextmanager
async def channel(port: int, **options: Any) -> AsyncIterator[SmtpChannel]:
    url = options.pop("url", "smtp://127.0.0.1:{port}").format(port=port)
    sender = SmtpChannel(url, **options)
    try:
        yield sender
    finally:
        await sender.close()


def mail(
    on_data: Callable[[], Any] | None = None, recipient: str = "ann@a.example"
) -> OutgoingMail:
    async def called() -> None:
        if on_data is not None:
            on_data()

    return OutgoingMail("dlv_1", "desk@b.example", recipient, MESSAGE, called)


def deliver(desk: Desk, server: dict[str, Any] | None = None, **options: Any) -> Outcome:
    """Send one mail to a server that behaves like `desk`; `on_data` is one of its steps."""

    async def scenario() -> Outcome:
        async with smtp_server(desk, **(server or {})) as port, channel(port, **options) as sender:
            return await sender.send(mail(lambda: desk.steps.append("on_data")))

    return asyncio.run(scenario())


def test_a_mail_arrives_unchanged_and_the_reply_is_kept() -> None:
    desk = Desk()
    outcome = deliver(desk)
    assert isinstance(outcome, Delivered)
    assert (outcome.status, outcome.detail) == (250, "250 queued as 42")
    assert desk.received == [MESSAGE]


def test_the_caller_is_told_after_the_recipient_is_accepted_and_before_data() -> None:
    desk = Desk()
    deliver(desk)
    assert desk.steps == ["MAIL", "RCPT", "on_data", "DATA"]


def test_nothing_is_sent_when_the_caller_cannot_record_that_data_begins() -> None:
    desk = Desk()

    def broken() -> None:
        raise RuntimeError("no database")

    async def scenario() -> Outcome:
        async with smtp_server(desk) as port, channel(port, connections=1) as sender:
            with pytest.raises(RuntimeError):
                await sender.send(mail(broken))
            assert desk.received == []
            return await sender.send(mail())

    assert isinstance(asyncio.run(scenario()), Delivered), "the connection's place is free again"


@pytest.mark.parametrize("step", ["rcpt", "data"])
@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        ("421 4.3.2 shutting down", TemporaryFailure),
        ("450 4.2.1 mailbox busy", TemporaryFailure),
        ("451 4.3.0 local error", TemporaryFailure),
        ("452 4.2.2 mailbox full", TemporaryFailure),
        ("454 Throttling failure", TemporaryFailure),
        ("530 5.7.0 authentication required", TemporaryFailure),
        ("550 5.1.1 no such user", PermanentFailure),
        ("552 5.2.3 too large", PermanentFailure),
        ("554 5.7.1 spam", PermanentFailure),
    ],
)
def test_the_first_digit_of_the_reply_decides(
    step: str, reply: str, expected: type[Outcome]
) -> None:
    outcome = deliver(Desk(rcpt=reply) if step == "rcpt" else Desk(data=reply))
    assert isinstance(outcome, expected)
    assert not isinstance(outcome, Delivered)
    assert outcome.status == int(reply[:3])
    assert reply[4:] in outcome.reason


@pytest.mark.parametrize("reply", ["450 later", "550 sender not allowed"])
def test_a_refused_sender_is_the_operators_problem_and_costs_no_mail(reply: str) -> None:
    outcome = deliver(Desk(mail=reply))
    assert isinstance(outcome, TemporaryFailure)
    assert "sender" in outcome.reason


@pytest.mark.parametrize("step", ["MAIL", "RCPT"])
def test_a_connection_lost_before_data_is_a_temporary_failure(step: str) -> None:
    desk = Desk(drop_at=step)
    assert isinstance(deliver(desk), TemporaryFailure)
    assert "on_data" not in desk.steps


def test_a_connection_lost_after_data_began_leaves_the_fate_unknown() -> None:
    desk = Desk(drop_at="DATA")
    assert isinstance(deliver(desk), Unknown)
    assert desk.steps.count("on_data") == 1


def test_a_server_that_goes_silent_after_data_leaves_the_fate_unknown() -> None:
    outcome = deliver(Desk(silent_at="DATA"), data_reply_timeout_s=0.2)
    assert isinstance(outcome, Unknown)
    assert 190 <= outcome.duration_ms < 3000


def test_a_server_that_goes_silent_earlier_is_a_temporary_failure() -> None:
    outcome = deliver(Desk(silent_at="RCPT"), command_timeout_s=0.2)
    assert isinstance(outcome, TemporaryFailure)


def test_a_server_that_never_greets_is_a_temporary_failure() -> None:
    async def scenario() -> Outcome:
        hung_up = asyncio.Event()

        async def mute(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read()
            writer.close()
            await writer.wait_closed()
            hung_up.set()

        async with await asyncio.start_server(mute, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            async with channel(port, connect_timeout_s=0.2) as sender:
                outcome = await sender.send(mail())
            await hung_up.wait()
            return outcome

    outcome = asyncio.run(scenario())
    assert isinstance(outcome, TemporaryFailure)
    assert "does not answer" in outcome.reason


def test_nobody_listening_is_a_temporary_failure() -> None:
    async def scenario() -> Outcome:
        async with smtp_server(Desk()) as port:
            pass
        async with channel(port) as sender:
            return await sender.send(mail())

    outcome = asyncio.run(scenario())
    assert isinstance(outcome, TemporaryFailure)
    assert "reached" in outcome.reason


def test_a_connection_is_used_for_many_mails() -> None:
    desk = Desk()

    async def scenario() -> list[Outcome]:
        async with smtp_server(desk) as port, channel(port) as sender:
            return [await sender.send(mail()) for _ in range(5)]

    assert all(isinstance(outcome, Delivered) for outcome in asyncio.run(scenario()))
    assert len(desk.peers) == 1


def test_a_refused_recipient_does_not_cost_the_connection() -> None:
    desk = Desk(rcpt="550 no such user")

    async def scenario() -> Outcome:
        async with smtp_server(desk) as port, channel(port) as sender:
            await sender.send(mail())
            desk.rcpt = "250 OK"
            return await sender.send(mail())

    assert isinstance(asyncio.run(scenario()), Delivered)
    assert len(desk.peers) == 1


def test_no_more_connections_are_opened_than_allowed() -> None:
    desk = Desk()

    async def scenario() -> list[Outcome]:
        async with smtp_server(desk) as port, channel(port, connections=2) as sender:
            return await asyncio.gather(*(sender.send(mail()) for _ in range(10)))

    assert all(isinstance(outcome, Delivered) for outcome in asyncio.run(scenario()))
    assert len(desk.received) == 10
    assert len(desk.peers) <= 2


def test_a_server_that_says_goodbye_gets_a_new_connection() -> None:
    desk = Desk(rcpt="421 too many mails")

    async def scenario() -> Outcome:
        async with smtp_server(desk) as port, channel(port) as sender:
            await sender.send(mail())
            desk.rcpt = "250 OK"
            return await sender.send(mail())

    assert isinstance(asyncio.run(scenario()), Delivered)
    assert len(desk.peers) == 2


def test_a_restart_of_the_server_is_noticed_before_a_mail_is_at_stake() -> None:
    async def scenario() -> list[Outcome]:
        async with smtp_server(Desk()) as port:
            sender = SmtpChannel(f"smtp://127.0.0.1:{port}")
            outcomes = [await sender.send(mail())]
        async with smtp_server(Desk(), port=port):
            outcomes.append(await sender.send(mail()))
            await sender.close()
        return outcomes

    assert all(isinstance(outcome, Delivered) for outcome in asyncio.run(scenario()))


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")
@pytest.mark.parametrize(("password", "expected"), [("right", Delivered), ("wr", TemporaryFailure)])
def test_a_wrong_password_is_the_operators_problem_and_costs_no_mail(
    password: str, expected: type[Outcome]
) -> None:
    def authenticator(*arguments: Any) -> AuthResult:
        return AuthResult(success=arguments[-1].password == b"right", handled=False)

    server = {"authenticator": authenticator, "auth_require_tls": False, "auth_required": True}
    outcome = deliver(Desk(), server, url=f"smtp://desk:{password}@127.0.0.1:{{port}}?starttls=off")
    assert isinstance(outcome, expected)
    if isinstance(outcome, TemporaryFailure):
        assert "user name or password" in outcome.reason


@pytest.mark.parametrize(
    "url", ["smtp://127.0.0.1:{port}?starttls=required", "smtp://desk:secret@127.0.0.1:{port}"]
)
def test_encryption_that_is_required_and_not_offered_stops_all_mail_until_it_is_mended(
    url: str,
) -> None:
    desk = Desk()
    outcome = deliver(desk, {"auth_require_tls": False}, url=url)
    assert isinstance(outcome, TemporaryFailure)
    assert outcome.refuses_us
    assert "STARTTLS" in outcome.reason
    assert desk.steps == []


def test_a_login_goes_over_starttls_without_being_asked_to(certificate: Path) -> None:
    def authenticator(server: Any, session: Any, envelope: Any, *rest: Any) -> AuthResult:
        return AuthResult(success=session.ssl is not None)

    outcome = deliver(
        Desk(),
        {"tls_context": server_tls(certificate), "authenticator": authenticator},
        url="smtp://desk:secret@127.0.0.1:{port}",
        tls=ssl.create_default_context(cafile=certificate),
    )
    assert isinstance(outcome, Delivered)


def test_encryption_is_used_when_it_is_offered(certificate: Path) -> None:
    desk = Desk()
    server = {"tls_context": server_tls(certificate), "require_starttls": True}
    outcome = deliver(desk, server, tls=ssl.create_default_context(cafile=certificate))
    assert isinstance(outcome, Delivered)


def test_a_server_with_a_certificate_nobody_vouches_for_gets_no_mail(certificate: Path) -> None:
    desk = Desk()
    outcome = deliver(desk, {"tls_context": server_tls(certificate)})
    assert isinstance(outcome, TemporaryFailure)
    assert "certificate" in outcome.reason
    assert desk.steps == []


def test_smtps_is_encrypted_from_the_start(certificate: Path) -> None:
    outcome = deliver(
        Desk(),
        {"implicit_tls": server_tls(certificate)},
        url="smtps://127.0.0.1:{port}",
        tls=ssl.create_default_context(cafile=certificate),
    )
    assert isinstance(outcome, Delivered)


@pytest.mark.parametrize("recipient", ["a@b.example\r\nRCPT TO:<x@y.example>", "\u0438@b.example"])
def test_an_address_that_is_no_address_is_a_permanent_failure(recipient: str) -> None:
    async def scenario() -> Outcome:
        async with smtp_server(Desk()) as port, channel(port) as sender:
            return await sender.send(mail(recipient=recipient))

    assert isinstance(asyncio.run(scenario()), PermanentFailure)


def test_the_folder_holds_each_delivery_once_however_often_it_is_sent(tmp_path: Path) -> None:
    async def scenario() -> list[Outcome]:
        folder = EmlFolderChannel(tmp_path / "new" / "outbox")
        return [await folder.send(mail(pytest.fail)) for _ in range(3)]

    assert all(isinstance(outcome, Delivered) for outcome in asyncio.run(scenario()))
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert [path.name for path in files] == ["dlv_1.eml"]
    assert files[0].read_bytes() == MESSAGE


def test_a_folder_that_cannot_be_written_is_a_temporary_failure(tmp_path: Path) -> None:
    (tmp_path / "outbox").write_text("a file where the folder should be")
    outcome = asyncio.run(EmlFolderChannel(tmp_path / "outbox").send(mail()))
    assert isinstance(outcome, TemporaryFailure)


@pytest.mark.parametrize("delivery_id", ["../x", "a/b", "", ".", "a\x00b"])
def test_a_delivery_id_cannot_leave_the_folder(tmp_path: Path, delivery_id: str) -> None:
    async def nothing() -> None:
        pass

    outgoing = OutgoingMail(delivery_id, "a@b.example", "c@d.example", MESSAGE, nothing)
    with pytest.raises(ValueError, match="file name"):
        asyncio.run(EmlFolderChannel(tmp_path).send(outgoing))
    assert list(tmp_path.iterdir()) == []


def server_tls(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context
