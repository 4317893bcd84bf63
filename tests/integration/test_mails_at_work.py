"""Mails over a real mail server: what is sent, to whom, in which thread, and what stops it."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from email.message import EmailMessage
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from shared.db.models import Delivery, DeliveryAttempt, MailSuppression
from shared.db.models.base import table
from shared.db.signing_keys import SigningKeys
from shared.domain.clock import SystemClock
from shared.domain.delivery import HELD_RANK, DeliveryChannel
from shared.domain.work import WorkState
from shared.domain.working_time import WEEKDAYS
from shared.mail_tokens import MailTokens, token_in
from shared.messaging.worker_host import WorkerHost
from shared.observability import metrics
from shared.runtime import Runtime
from shared.settings import Settings
from tests.bulk import send_now
from tests.clock import ShiftedClock
from tests.desk import Desk, ticket_body
from tests.fixtures.relays import Relay, read
from tests.receiver import Receiver
from tests.rows import rows
from tests.waiting import eventually

MAILS = table(Delivery).c.channel == DeliveryChannel.EMAIL


@pytest.fixture
def notifier(
    relay: Relay,
    clock: ShiftedClock,
    settings: Settings,
    new_runtime: Callable[..., Runtime],
    start_host: Callable[..., WorkerHost],
) -> Callable[..., Runtime]:
    """Starts a notifier that mails to the relay; `changed` are settings."""

    def start(**changed: Any) -> Runtime:
        wanted = {"email_url": relay.url, "email_from": "Support <support@desk.example>", **changed}
        runtime = new_runtime(replace(settings, **wanted), clock)
        start_host(runtime, ["notifier"])
        return runtime

    return start


def deliveries(runtime: Runtime, state: WorkState | None = None) -> list[dict[str, Any]]:
    found = rows(runtime.database, Delivery, MAILS)
    return [row for row in found if state is None or row["work_state"] is state]


def say(desk: Desk, ticket_id: str, body: str, author: dict[str, Any] | None = None) -> None:
    desk.ok("POST", f"/v1/tickets/{ticket_id}/comments", {"body": body, "author": author})


def step(desk: Desk, ticket_id: str, name: str, **details: Any) -> None:
    desk.ok("POST", f"/v1/tickets/{ticket_id}/transitions", {"transition": name, **details})


def mail_to(relay: Relay, address: str, subject: str) -> EmailMessage:
    """Wait for a mail by the beginning of its subject."""
    return eventually(
        lambda: next(
            (
                mail
                for mail in relay.mails
                if mail["To"].addresses[0].addr_spec == address
                and mail["Subject"].startswith(subject)
            ),
            None,
        )
    )


def test_a_ticket_from_beginning_to_end_is_one_thread_for_its_requester(
    relay: Relay, notifier: Callable[..., Runtime], desk: Desk
) -> None:
    runtime = notifier(email_reply_to="help@desk.example", email_bounce_to="bounces@desk.example")
    mira = "mira@example.com"
    agent = desk.agent(email="ivan@desk.example")
    ticket = desk.ticket(requester={"name": "Mira", "email": mira, "locale": "ru"})
    mail_to(relay, mira, "Мы получили")
    by = {"agent_id": agent, "guard": False}
    desk.ok("PUT", f"/v1/tickets/{ticket['id']}/assignment", by)
    mail_to(relay, "ivan@desk.example", "Assigned to you")
    say(desk, ticket["id"], "Which version is it?", {"kind": "agent", "id": agent})
    mail_to(relay, mira, "Re: VPN")
    step(desk, ticket["id"], "ask", note="Please send the log.")
    mail_to(relay, mira, "Нужны подробности")
    say(desk, ticket["id"], "Here it is.", {"kind": "requester"})
    mail_to(relay, "ivan@desk.example", "Answer")
    step(desk, ticket["id"], "resolve", resolution={"summary": "Restart the client."})
    mail_to(relay, mira, "Решено")
    step(desk, ticket["id"], "close")
    mail_to(relay, mira, "Насколько вы довольны")

    tokens = MailTokens(SigningKeys(runtime.database, SystemClock()))
    thread = [m for m in relay.mails if m["To"].addresses[0].addr_spec == mira]
    ids = [mail["Message-ID"] for mail in thread]
    root = f"<{ticket['id']}@desk.example>"
    assert len(set(ids)) == len(ids) == 6
    for number, (mail, envelope) in enumerate(zip(thread, ids, strict=True)):
        references = mail["References"].split()
        assert references == [root, *ids[:number], envelope]
        assert mail["In-Reply-To"] == (ids[number - 1] if number else root)
        assert tokens.read_message_id(mail["Message-ID"])[0] == ticket["id"]
        assert mail["Subject"].endswith(f"[#{ticket['number']}]")
        reply = tokens.read_reply(token_in(mail["Reply-To"].addresses[0].addr_spec) or "")
        assert reply.ticket_id == ticket["id"]
        assert reply.was_for(mira)
        assert mail["Content-Language"] == "ru"
    for envelope in relay.envelopes:
        assert envelope.mail_from is not None
        delivery_id = tokens.read_bounce(token_in(envelope.mail_from) or "")
        assert delivery_id in {row["id"] for row in deliveries(runtime)}


def test_who_had_a_ticket_learns_who_has_it_now(
    relay: Relay, notifier: Callable[..., Runtime], desk: Desk
) -> None:
    notifier()
    olga, ivan = desk.agent(email="olga@desk.example"), desk.agent(email="ivan@desk.example")
    ticket = desk.ticket()
    for agent in (olga, ivan):
        by = {"agent_id": agent, "guard": False}
        desk.ok("PUT", f"/v1/tickets/{ticket['id']}/assignment", by)
    mail = mail_to(relay, "olga@desk.example", "No longer yours")
    name = desk.ok("GET", f"/v1/agents/{ivan}")["name"]
    assert f"It is with {name} now." in mail.get_body(("plain",)).get_content()  # type: ignore[union-attr]


def test_an_imported_ticket_sends_no_mail(
    relay: Relay, notifier: Callable[..., Runtime], desk: Desk
) -> None:
    runtime = notifier()
    old = {"requester": {"email": "old@example.com"}, "created_at": "2020-01-02T03:04:05Z"}
    send_now(desk, [ticket_body(status="open", **old)], "?mode=import")
    desk.ticket()
    mail_to(relay, "mira@example.com", "We have received")
    assert {row["receiver"] for row in deliveries(runtime)} == {"mira@example.com"}


def test_a_broken_template_ends_its_mail_and_holds_up_nothing(
    relay: Relay, notifier: Callable[..., Runtime], desk: Desk, settings: Settings
) -> None:
    folder = settings.data_dir / "templates"
    (folder / "en").mkdir(parents=True)
    (folder / "en" / "ticket_received.j2").write_text("{% extends layout %}{{ nonsense }")
    runtime = notifier(email_templates_dir=folder)
    ticket = desk.ticket()
    [dead] = eventually(lambda: deliveries(runtime, WorkState.DEAD))
    assert "en/ticket_received.j2:1" in dead["last_error"]
    say(desk, ticket["id"], "Hello.")
    mail_to(relay, "mira@example.com", "Re: VPN")


def test_a_server_that_refuses_our_login_makes_all_mail_rest_and_costs_no_attempt(
    relay: Relay, notifier: Callable[..., Runtime], desk: Desk, clock: ShiftedClock
) -> None:
    relay.refuse_sender = "530 5.7.0 Authentication required"
    before = metrics.mail_refusals._value.get()
    runtime = notifier()
    desk.ticket()
    [resting] = eventually(lambda: [row for row in deliveries(runtime) if row["last_error"]])
    assert "log in" in resting["last_error"]
    assert (resting["work_state"], resting["attempts"]) == (WorkState.READY, 0)
    assert resting["available_at"] > clock.now() + timedelta(seconds=30)
    assert metrics.mail_refusals._value.get() == before + 1
    assert metrics.mail_paused._value.get() == 1
    assert rows(runtime.database, DeliveryAttempt) == []
    relay.refuse_sender = None
    clock.advance(seconds=61)
    mail_to(relay, "mira@example.com", "We have received")
    eventually(lambda: metrics.mail_paused._value.get() == 0)


def test_an_address_that_does_not_exist_is_not_written_to_again(
    relay: Relay, notifier: Callable[..., Runtime], desk: Desk
) -> None:
    relay.refuse_recipient = "550 5.1.1 no such user"
    runtime = notifier()
    desk.ticket(requester={"email": "Gone@example.com"})
    eventually(lambda: deliveries(runtime, WorkState.DEAD))
    [blocked] = eventually(lambda: rows(runtime.database, MailSuppression))
    assert (blocked["address"], blocked["reason"]) == ("gone@example.com", "hard_bounce")
    relay.refuse_recipient = None
    desk.ticket(requester={"email": "Gone@example.com"})
    [cancelled] = eventually(lambda: deliveries(runtime, WorkState.CANCELLED))
    assert "hard_bounce" in cancelled["last_error"]
    assert relay.envelopes == []


def test_mails_to_owners_of_webhooks_keep_the_rules_of_all_mails(
    relay: Relay,
    notifier: Callable[..., Runtime],
    desk: Desk,
    receiver: Receiver,
    settings: Settings,
) -> None:
    key = settings.data_dir / "dkim.pem"
    key.write_bytes(
        Ed25519PrivateKey.generate().private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
        )
    )
    runtime = notifier(
        email_bounce_to="bounces@desk.example", email_dkim_key=key, email_dkim_selector="s1"
    )
    receiver.manner = lambda event, earlier: 410

    def tell(owner: str) -> dict[str, Any]:
        """Have a new webhook of an owner disabled; return what became of the mail about it."""
        content = {"event_types": ["ticket.created"], "owner_email": owner}
        desk.ok("POST", "/v1/webhooks", {"url": receiver.url, **content})
        desk.ticket()

        def ended() -> dict[str, Any] | None:
            mine = [row for row in deliveries(runtime) if row["receiver"] == owner]
            return mine[-1] if mine and mine[-1]["work_state"] is not WorkState.READY else None

        return eventually(ended)

    assert tell("ops@desk.test")["work_state"] is WorkState.DONE
    [sent] = [each for each in relay.envelopes if each.rcpt_tos == ["ops@desk.test"]]
    assert str(sent.mail_from).startswith("bounces+")
    assert "DKIM-Signature" in read(sent)
    assert "the desk's own" in tell("bounces@desk.example")["last_error"]
    relay.refuse_recipient = "550 5.1.1 no such user"
    assert tell("gone@desk.test")["work_state"] is WorkState.DEAD
    relay.refuse_recipient = None
    again = tell("Gone@desk.test")
    assert (again["work_state"], again["last_error"][:7]) == (WorkState.CANCELLED, "nothing")


def test_two_machines_that_answer_each_other_are_stopped(
    relay: Relay, notifier: Callable[..., Runtime], desk: Desk
) -> None:
    runtime = notifier()
    ticket = desk.ticket()
    for _ in range(6):
        step(desk, ticket["id"], "ask")
        say(desk, ticket["id"], "I am out of office.", {"kind": "requester"})
    stopped = eventually(lambda: deliveries(runtime, WorkState.CANCELLED))
    assert "a loop is suspected" in stopped[0]["last_error"]
    eventually(lambda: not deliveries(runtime, WorkState.READY))
    automatic = [mail for mail in relay.mails if "Auto-Submitted" in mail]
    assert len(automatic) <= 10


def test_a_mail_to_the_desk_itself_is_not_sent(
    relay: Relay, notifier: Callable[..., Runtime], desk: Desk
) -> None:
    runtime = notifier(email_reply_to="help@desk.example")
    desk.ticket(requester={"email": "Help+anything@desk.example"})
    [cancelled] = eventually(lambda: deliveries(runtime, WorkState.CANCELLED))
    assert "the desk's own" in cancelled["last_error"]
    assert relay.envelopes == []


def test_an_answer_that_may_be_lost_is_sent_once_more_and_a_receipt_is_not(
    relay: Relay, notifier: Callable[..., Runtime], desk: Desk, clock: ShiftedClock
) -> None:
    runtime = notifier()
    ticket = desk.ticket()
    mail_to(relay, "mira@example.com", "We have received")
    relay.answers = ["hang up", "hang up"]
    say(desk, ticket["id"], "Try again now.")
    again = eventually(lambda: [r for r in deliveries(runtime) if r["last_error"]])
    assert again[0]["work_state"] is WorkState.READY
    clock.advance(minutes=2)
    [lost] = eventually(lambda: deliveries(runtime, WorkState.UNKNOWN))
    assert lost["kind"] == "ticket_answered"
    first, second = (m for m in relay.mails if m["Subject"].startswith("Re:"))
    assert first["Message-ID"] == second["Message-ID"]
    assert first.as_bytes() == second.as_bytes()


def test_a_digest_tells_together_what_can_wait_and_urgent_news_do_not_wait(
    relay: Relay, notifier: Callable[..., Runtime], desk: Desk, clock: ShiftedClock
) -> None:
    agent = desk.agent(email="ivan@desk.example")
    desk.ok("PUT", f"/v1/agents/{agent}/mail-preferences", {"digest": "hourly"})
    runtime = notifier()
    for subject in ("No sound", "No picture", "No light"):
        ticket = desk.ticket(subject=subject)
        by = {"agent_id": agent, "guard": False}
        desk.ok("PUT", f"/v1/tickets/{ticket['id']}/assignment", by)
    say(desk, ticket["id"], "Still dark.", {"kind": "requester"})
    ivans = table(Delivery).c.receiver == "ivan@desk.example"

    def held() -> list[dict[str, Any]]:
        found = rows(runtime.database, Delivery, ivans)
        return [row for row in found if row["rank"] == HELD_RANK]

    eventually(lambda: len(held()) == 4)
    assert not [m for m in relay.mails if m["To"].addresses[0].addr_spec == "ivan@desk.example"]
    clock.advance(hours=1)
    mail = mail_to(relay, "ivan@desk.example", "What happened: 4 things")
    text = mail.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    for words in ("No sound", "No picture", "No light", "Still dark."):
        assert words in text
    assert "One-Click" in mail["List-Unsubscribe-Post"]
    clock.advance(minutes=10)
    eventually(lambda: all(row["work_state"] is not WorkState.READY for row in held()))
    states = sorted(row["work_state"] for row in held())
    assert states == [WorkState.CANCELLED] * 3 + [WorkState.DONE]
    assert (
        len([m for m in relay.mails if m["To"].addresses[0].addr_spec == "ivan@desk.example"]) == 1
    )


def test_out_of_hours_the_receipt_says_when_the_desk_opens(
    relay: Relay, notifier: Callable[..., Runtime], desk: Desk
) -> None:
    """A calendar that works on one day of the week only: that day is not always today."""
    now = SystemClock().now()
    hours = {WEEKDAYS[(now.weekday() + 2) % 7]: [{"start": "09:00", "end": "17:00"}]}
    body = {"name": "rare", "time_zone": "Europe/Berlin", "hours": hours}
    desk.ok("POST", "/v1/calendars", body)
    desk.sla_policy("default", calendar="rare")
    notifier(email_time_zone="Europe/Berlin")
    desk.ticket()
    mail = mail_to(relay, "mira@example.com", "We have received")
    text = " ".join(mail.get_body(("plain",)).get_content().split())  # type: ignore[union-attr]
    assert "We are out of office" in text
    assert "09:00 CE" in text


def test_mails_that_are_under_way_count_against_a_loop(
    relay: Relay, notifier: Callable[..., Runtime], desk: Desk
) -> None:
    """Forty tickets of one requester at once: the caps hold for those nobody has finished yet."""
    send_now(desk, [ticket_body(requester={"email": "loop@example.com"})] * 40)
    runtime = notifier(email_concurrency=8)
    eventually(lambda: len(deliveries(runtime)) == 40)
    eventually(lambda: not deliveries(runtime, WorkState.READY))
    assert len(deliveries(runtime, WorkState.CANCELLED)) == 10
    assert len(relay.envelopes) == 30
