"""The rendered mails, read back the way a mail client reads them."""

from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import jinja2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notifier.channels.base import PermanentFailure
from services.notifier.channels.email_message import MailRenderer, RenderedMail
from services.notifier.channels.mail_address import InvalidMailbox, refuse_recipient
from services.notifier.channels.mail_templates import DEFAULT_FOLDER
from shared.domain.delivery import MailKind

EVENT_ID = "evt_" + "0" * 31 + "1"
TICKET_ID = "tkt_" + "0" * 31 + "2"
RENDERER = MailRenderer(sender="Service D\u00e9sk <support@desk.example>")
EVERY_KIND = pytest.mark.parametrize("kind", list(MailKind))
EVERY_LANGUAGE = pytest.mark.parametrize("language", ["en", "ru"])
HEADERS = {
    "message-id",
    "in-reply-to",
    "references",
    "from",
    "to",
    "subject",
    "date",
    "auto-submitted",
    "x-auto-response-suppress",
    "content-language",
    "mime-version",
    "content-type",
}


def make_event(**ticket: Any) -> dict[str, Any]:
    requester = {"name": "Ann", "email": "ann@customer.example", "phone": None, "locale": "en"}
    requester |= ticket.pop("requester", {})
    assignee = {"id": "agt_1", "name": "Bob", "email": "bob@desk.example"}
    assignee |= ticket.pop("assignee", {})
    return {
        "id": EVENT_ID,
        "type": "ticket.created",
        "version": 1,
        "timestamp": "2026-01-02T03:04:05.678901Z",
        "sequence": 1,
        "correlation_id": "c",
        "data": {
            "assignment": {"id": "asg_1", "decision_id": "dec_1", "agent": assignee},
            "ticket": {
                "id": TICKET_ID,
                "number": 123,
                "subject": "The printer is on fire",
                "description": "It burns.\nSince noon.",
                "status": "new",
                "priority": "high",
                "type": None,
                "category": None,
                "product": None,
                "requester": requester,
                "tags": [],
                "assignee": assignee,
                "expected_resolution_at": "2026-01-03T14:00:00Z",
                "created_at": "2026-01-02T03:04:05.678901Z",
                "updated_at": "2026-01-02T03:04:05.678901Z",
                "resolution": {"summary": "We put it out."},
                **ticket,
            },
        },
    }


def render(kind: MailKind, event: dict[str, Any]) -> EmailMessage:
    mail = RENDERER.render(kind, event)
    assert isinstance(mail, RenderedMail)
    message = message_from_bytes(mail.message, policy=policy.default)
    assert isinstance(message, EmailMessage)
    return message


def body(message: EmailMessage, subtype: str) -> str:
    part = message.get_body((subtype,))
    assert part is not None
    content = part.get_content()
    assert isinstance(content, str)
    return content


@EVERY_KIND
@EVERY_LANGUAGE
def test_every_mail_exists_in_every_language(kind: MailKind, language: str) -> None:
    event = make_event(requester={"locale": language}, assignee={"locale": language})
    message = render(kind, event)
    assert message["Content-Language"] == language
    assert f'lang="{language}"' in body(message, "html")
    assert len(body(message, "plain")) > 80
    cyrillic = any("\u0400" <= c <= "\u04ff" for c in body(message, "plain"))
    assert cyrillic == (language == "ru")


@EVERY_KIND
@EVERY_LANGUAGE
def test_nothing_is_missing_when_the_optional_facts_are(kind: MailKind, language: str) -> None:
    event = make_event(
        requester={"name": None, "locale": language},
        assignee={"locale": language},
        expected_resolution_at=None,
        resolution=None,
    )
    message = render(kind, event)
    assert "None" not in body(message, "plain") + body(message, "html")


@EVERY_KIND
def test_the_headers_make_a_thread_and_stop_machines_from_answering(kind: MailKind) -> None:
    message = render(kind, make_event())
    own, root = f"<{EVENT_ID}.{kind}@desk.example>", f"<{TICKET_ID}@desk.example>"
    assert message["Message-ID"] == own
    assert message["In-Reply-To"] == root
    assert message["References"].split() == [root, own]
    assert message["Subject"].endswith("[#123]")
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["X-Auto-Response-Suppress"] == "All"
    assert message["Date"].datetime.isoformat() == "2026-01-02T03:04:05+00:00"
    assert str(message["From"]) == "Service D\u00e9sk <support@desk.example>"


@EVERY_KIND
def test_the_same_event_always_gives_the_same_bytes(kind: MailKind) -> None:
    again = MailRenderer(sender="Service D\u00e9sk <support@desk.example>")
    assert RENDERER.render(kind, make_event()) == again.render(kind, make_event())


def test_the_requester_learns_number_date_status_and_expected_time() -> None:
    text = body(render(MailKind.TICKET_RECEIVED, make_event()), "plain")
    for fact in ("#123", "January 2, 2026, 03:04 UTC", "New", "January 3, 2026, 14:00 UTC"):
        assert fact in text


def test_nothing_a_stranger_typed_is_repeated_to_an_address_nobody_has_confirmed() -> None:
    event = make_event(subject="BUY PILLS", description="BUY", requester={"name": "PILLS"})
    message = render(MailKind.TICKET_RECEIVED, event)
    for text in (message["Subject"], body(message, "plain"), body(message, "html")):
        assert "PILLS" not in text
        assert "BUY" not in text


def test_the_requester_learns_what_was_done_and_how_to_reopen() -> None:
    text = body(render(MailKind.TICKET_RESOLVED, make_event()), "plain")
    assert "> We put it out." in text
    assert "Answer this mail" in text
    assert "opened again" in text


def test_the_agent_learns_what_the_ticket_is_about() -> None:
    message = render(MailKind.TICKET_ASSIGNED, make_event())
    assert message["To"].addresses[0].addr_spec == "bob@desk.example"
    assert message["Subject"] == "Assigned to you: The printer is on fire [#123]"
    for text in (body(message, "plain"), body(message, "html")):
        for fact in ("#123", "High", "Ann", "Since noon.", "January 3, 2026, 14:00 UTC"):
            assert fact in text


@pytest.mark.parametrize(
    ("locale", "language", "date"),
    [
        ("ru-RU", "ru", "2 \u044f\u043d\u0432\u0430\u0440\u044f 2026"),
        ("ru_RU", "ru", "2 \u044f\u043d\u0432\u0430\u0440\u044f 2026"),
        ("ru", "ru", "2 \u044f\u043d\u0432\u0430\u0440\u044f 2026"),
        ("en-GB", "en", "2 January 2026"),
        ("de-DE", "en", "January 2, 2026"),
        ("xx-nonsense", "en", "January 2, 2026"),
        ("../../etc", "en", "January 2, 2026"),
        ("", "en", "January 2, 2026"),
        (None, "en", "January 2, 2026"),
    ],
)
def test_a_locale_falls_back_to_its_language_and_then_to_english(
    locale: str | None, language: str, date: str
) -> None:
    message = render(MailKind.TICKET_RECEIVED, make_event(requester={"locale": locale}))
    assert message["Content-Language"] == language
    assert date in body(message, "plain")


def test_markup_in_a_ticket_is_shown_and_not_obeyed() -> None:
    event = make_event(subject="<img src=x>", description="<script>alert(1)</script>\n{{ 7*7 }}")
    html = body(render(MailKind.TICKET_ASSIGNED, event), "html")
    assert "<script>" not in html
    assert "<img" not in html
    assert "&lt;script&gt;" in html
    assert "{{ 7*7 }}" in html


@given(name=st.text(max_size=150), subject=st.text(max_size=300), description=st.text(max_size=50))
def test_no_text_can_add_a_header(name: str, subject: str, description: str) -> None:
    event = make_event(
        subject=subject, description=description, requester={"name": name}, assignee={"name": name}
    )
    for kind in (MailKind.TICKET_ASSIGNED, MailKind.TICKET_RESOLVED):
        mail = RENDERER.render(kind, event)
        assert isinstance(mail, RenderedMail)
        head = mail.message.partition(b"\r\n\r\n")[0]
        names = [line.partition(b":")[0] for line in head.split(b"\r\n") if line[:1] not in b" \t"]
        assert len(names) == len(HEADERS)
        assert {each.decode().lower() for each in names} == HEADERS
        assert all(len(line) <= 998 for line in mail.message.split(b"\r\n"))
        assert mail.message.isascii()


@pytest.mark.parametrize("name", ["x\r\nBcc: a@example.org", "y\nBcc: b@example.org", "\ud800"])
def test_a_name_with_line_breaks_or_half_characters_stays_a_name(name: str) -> None:
    message = render(MailKind.TICKET_RECEIVED, make_event(requester={"name": name}))
    assert "Bcc" not in message
    assert len(message["To"].addresses) == 1


def test_long_ids_and_subjects_survive_the_folding_of_headers() -> None:
    renderer = MailRenderer(sender=f"a@{'long-label.' * 8}example")
    mail = renderer.render(MailKind.TICKET_RESOLVED, make_event(subject="\u044f" * 500))
    assert isinstance(mail, RenderedMail)
    message = message_from_bytes(mail.message, policy=policy.default)
    assert message["References"].split()[1] == mail.message_id
    assert b"=?" not in mail.message.partition(b"From:")[0]
    assert message["Subject"].endswith("\u044f [#123]")


@pytest.mark.parametrize(
    "address",
    [
        "noreply@example.org",
        "no-reply@example.org",
        "No.Reply@example.org",
        "do-not-reply@example.org",
        "donotreply@example.org",
        "noreply+42@example.org",
        "github-noreply@example.org",
        "MAILER-DAEMON@example.org",
        "postmaster@example.org",
        "bounces+x=y@example.org",
    ],
)
def test_machines_are_never_written_to(address: str) -> None:
    outcome = RENDERER.render(MailKind.TICKET_RECEIVED, make_event(requester={"email": address}))
    assert isinstance(outcome, PermanentFailure)
    assert "machine" in outcome.reason


@pytest.mark.parametrize(
    "address",
    [
        "",
        "ann",
        "@example.org",
        "ann@",
        "ann@exa mple.org",
        "ann@example.org\r\nBcc: victim@example.org",
        "ann\n@example.org",
        "ann@example.org>",
        '"a b"@example.org',
        "a@b@example.org",
        "ann@[127.0.0.1]",
        "\u0438\u0432\u0430\u043d@example.org",
        "a" * 65 + "@example.org",
        "ann@" + "a" * 64 + ".org",
        "ann@example..org",
    ],
)
def test_an_address_that_cannot_be_used_is_a_permanent_failure(address: str) -> None:
    assert isinstance(refuse_recipient(address), PermanentFailure)


@pytest.mark.parametrize(
    "address",
    ["ann@example.org", "o'neil+tag@sub.example.org", "reply@example.org", "nora.reply@a.example"],
)
def test_ordinary_people_are_written_to(address: str) -> None:
    assert refuse_recipient(address) is None


def test_a_domain_in_another_script_is_written_in_its_ascii_form() -> None:
    event = make_event(requester={"email": "i@\u043f\u0440\u0438\u043c\u0435\u0440.example"})
    mail = RENDERER.render(MailKind.TICKET_RECEIVED, event)
    assert isinstance(mail, RenderedMail)
    assert mail.recipient == "i@xn--e1afmkfd.example"


def test_a_ticket_without_a_mail_address_has_nobody_to_tell() -> None:
    event = make_event(requester={"email": None})
    assert isinstance(RENDERER.render(MailKind.TICKET_RECEIVED, event), PermanentFailure)


def test_a_template_that_asks_for_what_is_not_there_fails_visibly(tmp_path: Path) -> None:
    (tmp_path / "en").mkdir()
    for suffix in ("subject.txt", "txt", "html"):
        (tmp_path / "en" / f"ticket_received.{suffix}").write_text("{{ ticket.nonsense }}")
    renderer = MailRenderer(tmp_path, sender="support@desk.example")
    with pytest.raises(jinja2.UndefinedError):
        renderer.render(MailKind.TICKET_RECEIVED, make_event())


def test_a_sender_that_is_no_address_is_refused_at_start() -> None:
    with pytest.raises(InvalidMailbox):
        MailRenderer(sender="Support")


def test_each_language_has_the_same_files() -> None:
    english, russian = (
        {path.name for path in (DEFAULT_FOLDER / language).iterdir()} for language in ("en", "ru")
    )
    assert english == russian
    assert {name.partition(".")[0] for name in english} == {*MailKind, "words"}
