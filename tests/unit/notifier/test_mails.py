"""The rendered mails, read back the way a mail client reads them."""

import re
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.notifier.channels.base import PermanentFailure
from services.notifier.channels.mail_address import InvalidMailbox, refuse_recipient
from services.notifier.mail.brand import Brand
from services.notifier.mail.facts import MailFile
from services.notifier.mail.message import MailRenderer, RenderedMail
from services.notifier.mail.recipient import Recipient
from services.notifier.mail.templates import DEFAULT_FOLDER, MailTemplates
from shared.domain.delivery import WRITTEN_MAILS, MailKind, OwnerMailKind
from tests.mail_events import RUSSIAN, TICKET_ID, event, facts, recipient

SENDER = "Service D\u00e9sk <support@desk.example>"
RENDERER = MailRenderer(MailTemplates(), sender=SENDER)
EVERY_KIND = pytest.mark.parametrize("kind", list(MailKind))
EVERY_LANGUAGE = pytest.mark.parametrize("language", ["en", "ru"])
#: Mails that quote what somebody wrote.
QUOTING = (MailKind.TICKET_ASSIGNED, MailKind.TICKET_RESOLVED, MailKind.ANSWER_ARRIVED)
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
    "x-patchbay-loop",
    "content-language",
    "mime-version",
    "content-type",
}


def rendered(
    kind: MailKind, ticket: dict[str, Any] | None = None, to: Recipient | None = None, **more: Any
) -> bytes:
    """Render a mail; `ticket` are changed fields of the ticket, `more` changed facts."""
    mail = RENDERER.render(
        kind, to or recipient(kind), event(kind, **(ticket or {})), facts(kind, **more)
    )
    assert isinstance(mail, RenderedMail), mail
    return mail.message


def read(content: bytes) -> EmailMessage:
    message = message_from_bytes(content, policy=policy.default)
    assert isinstance(message, EmailMessage)
    assert not message.defects
    return message


def render(
    kind: MailKind, ticket: dict[str, Any] | None = None, to: Recipient | None = None, **more: Any
) -> EmailMessage:
    return read(rendered(kind, ticket, to, **more))


def body(message: EmailMessage, subtype: str) -> str:
    part = message.get_body((subtype,))
    assert part is not None
    content = part.get_content()
    assert isinstance(content, str)
    return content


@EVERY_KIND
@EVERY_LANGUAGE
def test_every_mail_exists_in_every_language(kind: MailKind, language: str) -> None:
    changed = RUSSIAN if language == "ru" else {}
    message = render(kind, changed, locale=language)
    assert message["Content-Language"] == language
    assert f'lang="{language}"' in body(message, "html")
    for text in (body(message, "plain"), body(message, "html").partition("</style>")[2]):
        assert len(text) > 80
        assert any("\u0400" <= c <= "\u04ff" for c in text) == (language == "ru")


@EVERY_KIND
@EVERY_LANGUAGE
def test_nothing_is_missing_when_the_optional_facts_are(kind: MailKind, language: str) -> None:
    changed: dict[str, Any] = {
        "requester": {"name": None, "phone": None},
        "expected_resolution_at": None,
        "resolution": None,
        "team": None,
        "description": "",
        "assignee": None,
    }
    nothing = {"closes_at": None, "reopen_until": None, "opens_at": None, "ticket_url": ""}
    message = render(kind, changed, locale=language, **nothing)
    assert "None" not in body(message, "plain") + body(message, "html")


@EVERY_KIND
def test_text_and_html_say_the_same(kind: MailKind) -> None:
    """Whatever is a fact of the text is in the page too, and every link of the page in the text."""
    message = render(kind)
    text, page = " ".join(body(message, "plain").split()), body(message, "html")
    links = {each.partition('"')[0] for each in page.split('href="')[1:]}
    assert all(link in text for link in links)
    assert "display: none" in page or "display:none" in page.replace(" ", "")


@EVERY_KIND
def test_styles_stand_on_the_elements_and_only_media_rules_in_a_sheet(kind: MailKind) -> None:
    page = body(render(kind), "html")
    assert '<h1 style="' in page
    sheet = page.partition("<style>")[2].partition("</style>")[0]
    assert "prefers-color-scheme" in sheet
    assert "max-width: 480px" in sheet
    assert "<link" not in page
    assert "@import" not in page


@EVERY_KIND
def test_machines_are_told_that_a_machine_writes_and_people_that_a_person_does(
    kind: MailKind,
) -> None:
    message = render(kind)
    if kind in WRITTEN_MAILS:
        assert "Auto-Submitted" not in message
        assert "X-Auto-Response-Suppress" not in message
        return
    replied = kind is MailKind.TICKET_RECEIVED
    assert message["Auto-Submitted"] == ("auto-replied" if replied else "auto-generated")
    assert message["X-Auto-Response-Suppress"] == "All"
    assert message["X-Patchbay-Loop"] == "desk.example"
    assert "Precedence" not in message


@EVERY_KIND
def test_the_headers_make_a_thread(kind: MailKind) -> None:
    message = render(kind)
    own, root = f"<own.{kind}@desk.example>", f"<{TICKET_ID}@desk.example>"
    assert message["Message-ID"] == own
    assert message["In-Reply-To"] == root
    assert message["References"].split() == [root, own]
    assert message["Subject"].endswith("[#123]") == (kind is not MailKind.DIGEST)
    assert message["Date"].datetime.isoformat() == "2026-01-02T03:04:05+00:00"
    assert str(message["From"]) == SENDER


@EVERY_KIND
def test_the_same_mail_always_has_the_same_bytes(kind: MailKind) -> None:
    again = MailRenderer(MailTemplates(), sender=SENDER)
    assert RENDERER.render(kind, recipient(kind), event(kind), facts(kind)) == again.render(
        kind, recipient(kind), event(kind), facts(kind)
    )


def test_the_requester_learns_number_date_status_expected_time_and_what_happens_next() -> None:
    text = body(render(MailKind.TICKET_RECEIVED, opens_at=None), "plain")
    for fact in ("#123", "January 2, 2026, 03:04 UTC", "Received", "January 3, 2026, 14:00 UTC"):
        assert fact in text
    assert "What happens next" in text
    assert "https://help.example.com/t/" in text
    assert "out of office" not in text


def test_who_writes_out_of_hours_learns_when_the_desk_opens() -> None:
    message = render(
        MailKind.TICKET_RECEIVED, opens_at="2026-01-05T08:00:00Z", zone="Europe/Berlin"
    )
    text = " ".join(body(message, "plain").split())
    assert "We open again on January 5, 2026, 09:00 CET" in text


def test_nothing_a_stranger_typed_is_repeated_to_an_address_nobody_has_confirmed() -> None:
    changed = {"subject": "BUY PILLS", "description": "BUY", "requester": {"name": "PILLS"}}
    message = render(MailKind.TICKET_RECEIVED, changed)
    for text in (message["Subject"], body(message, "plain"), body(message, "html")):
        assert "PILLS" not in text
        assert "BUY" not in text


def test_the_requester_learns_what_was_done_how_to_confirm_and_how_to_reopen() -> None:
    text = " ".join(body(render(MailKind.TICKET_RESOLVED), "plain").split())
    assert "> We updated the client." in text
    assert "Yes, it is solved: https://help.example.com/t/" in text
    assert "No, something is still wrong: https://help.example.com/t/" in text
    assert "closes by itself on January 7, 2026" in text
    assert "opened again" in text


@pytest.mark.parametrize(("language", "heading"), [("en", "What was done"), ("ru", "Что сделано")])
def test_the_requester_learns_the_steps_that_were_taken_and_not_what_stays_inside(
    language: str, heading: str
) -> None:
    inside = {"cause": "Old policy.", "lessons_learned": "Ask first."}
    resolution = {"summary": "Solved.", "steps_taken": "One.\n<b>Two.</b>", **inside}
    message = render(MailKind.TICKET_RESOLVED, {"resolution": resolution}, locale=language)
    text, page = (body(message, form).replace("\r", "") for form in ("plain", "html"))
    assert f"{heading}\n\n> One.\n> <b>Two.</b>" in text
    assert "One.<br>" in page
    assert "&lt;b&gt;Two." in page
    assert not [each for each in inside.values() if each in text + page]
    without = render(MailKind.TICKET_RESOLVED, {"resolution": {"summary": "Solved."}})
    assert "What was done" not in body(without, "plain")


def test_a_rating_is_one_click_for_each_score() -> None:
    text = body(render(MailKind.RATING_REQUESTED), "plain")
    for score, words in enumerate(["very bad", "bad", "so-so", "good", "very good"], 1):
        assert f"{score} ({words}): https://help.example.com/t/InRrdF8wMTlhMGM/rate?score=" in text


def test_the_agent_learns_what_the_ticket_is_about() -> None:
    message = render(MailKind.TICKET_ASSIGNED)
    assert message["To"].addresses[0].addr_spec == "ivan@desk.example"
    assert message["Subject"] == "Assigned to you: VPN drops every ten minutes [#123]"
    for text in (body(message, "plain"), body(message, "html")):
        for fact in ("#123", "High", "Mira", "A restart did not help.", "January 3, 2026, 14:00"):
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
    message = render(MailKind.TICKET_RECEIVED, locale=locale)
    assert message["Content-Language"] == language
    assert date in body(message, "plain")


def test_markup_in_a_ticket_is_shown_and_not_obeyed() -> None:
    changed = {"subject": "<img src=x>", "description": "<script>alert(1)</script>\n{{ 7*7 }}"}
    html = body(render(MailKind.TICKET_ASSIGNED, changed), "html")
    assert "<script>" not in html
    assert "<img" not in html
    assert "&lt;script&gt;" in html
    assert "{{ 7*7 }}" in html


@settings(max_examples=25)
@given(name=st.text(max_size=150), subject=st.text(max_size=300), description=st.text(max_size=50))
def test_no_text_can_add_a_header(name: str, subject: str, description: str) -> None:
    changed = {"subject": subject, "description": description, "requester": {"name": name}}
    changed["resolution"] = {"summary": description}
    for kind in QUOTING:
        content = rendered(kind, changed, Recipient(name, "ann@example.org", None))
        head = content.partition(b"\r\n\r\n")[0]
        names = [line.partition(b":")[0] for line in head.split(b"\r\n") if line[:1] not in b" \t"]
        assert len(names) == len(HEADERS)
        assert {each.decode().lower() for each in names} == HEADERS
        assert all(len(line) <= 998 for line in content.split(b"\r\n"))
        assert content.isascii()
        assert b"\n" not in content.replace(b"\r\n", b"")
        read(content)


@settings(max_examples=25)
@given(text=st.text(max_size=400))
def test_every_text_arrives_as_it_was_written(text: str) -> None:
    """But for what mail cannot carry, and lines that are set anew; whatever the encoding."""
    content = rendered(MailKind.TICKET_ASSIGNED, {"description": f"x{text}x"})
    shown = body(read(content), "plain")
    kept = [line for line in f"x{text}x".splitlines() if line.isprintable() and line.strip()]
    assert all(line.rstrip() in shown for line in kept)


@pytest.mark.parametrize("name", ["x\r\nBcc: a@example.org", "y\nBcc: b@example.org", "\ud800"])
def test_a_name_with_line_breaks_or_half_characters_stays_a_name(name: str) -> None:
    message = render(MailKind.TICKET_RECEIVED, to=Recipient(name, "ann@example.org", None))
    assert "Bcc" not in message
    assert len(message["To"].addresses) == 1


def test_a_long_subject_survives_the_folding_of_headers() -> None:
    message = render(MailKind.TICKET_RESOLVED, {"subject": "\u044f" * 500})
    assert message["Subject"].endswith("\u044f [#123]")


def test_small_files_come_along_and_large_ones_are_links() -> None:
    message = render(MailKind.TICKET_ANSWERED)
    [part] = message.iter_attachments()
    assert part.get_filename() == "steps.txt"
    assert part.get_content() == "1. Open the menu.\n"
    assert "recording.mp4: https://help.example.com/t/" in body(message, "plain")


@settings(max_examples=25)
@given(name=st.text(min_size=1, max_size=255))
def test_no_name_of_a_file_can_add_a_header(name: str) -> None:
    clean = "".join(c for c in name if c.isprintable()) or "x"
    message = render(
        MailKind.TICKET_ANSWERED, files=[MailFile(clean, None, "application/pdf", b"%PDF")]
    )
    [part] = message.iter_attachments()
    assert {each.lower() for each in part} <= {
        "content-type",
        "content-transfer-encoding",
        "content-disposition",
        "mime-version",
    }


def test_mails_that_are_not_needed_can_be_unsubscribed_from_with_one_click() -> None:
    url = "https://help.example.com/u/token"
    message = render(MailKind.RATING_REQUESTED, unsubscribe_url=url)
    assert message["List-Unsubscribe"] == f"<{url}>"
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert url in body(message, "plain")
    assert url in body(message, "html")
    assert "List-Unsubscribe" not in render(MailKind.TICKET_RESOLVED)


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
        "abuse@example.org",
        "root@example.org",
    ],
)
def test_machines_are_never_written_to(address: str) -> None:
    kind = MailKind.TICKET_RECEIVED
    outcome = RENDERER.render(kind, Recipient("", address, None), event(kind), facts(kind))
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
    kind = MailKind.TICKET_RECEIVED
    to = Recipient("", "i@\u043f\u0440\u0438\u043c\u0435\u0440.example", None)
    mail = RENDERER.render(kind, to, event(kind), facts(kind))
    assert isinstance(mail, RenderedMail)
    assert mail.recipient == "i@xn--e1afmkfd.example"


def own_templates(folder: Path, **files: str) -> MailRenderer:
    (folder / "en").mkdir()
    for name, text in files.items():
        whole = "{% extends layout %}{% block subject %}x{% endblock %}{% block content %}"
        (folder / "en" / f"{name}.j2").write_text(f"{whole}{text}{{% endblock %}}")
    return MailRenderer(MailTemplates(folder), sender=SENDER)


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ("{{ ticket.nonsense }}", "nonsense"),
        ("{% if %}", "en/ticket_received.j2:1"),
        ("{{ ''.__class__.__mro__ }}", "unsafe"),
        ("{{ 1 / 0 }}", "ZeroDivisionError"),
        ("{% include 'nowhere.html' %}", "nowhere.html"),
    ],
)
def test_a_broken_template_ends_this_mail_and_says_what_is_wrong(
    tmp_path: Path, template: str, words: str
) -> None:
    renderer = own_templates(tmp_path, ticket_received=template)
    kind = MailKind.TICKET_RECEIVED
    outcome = renderer.render(kind, recipient(kind), event(kind), facts(kind))
    assert isinstance(outcome, PermanentFailure)
    assert "ticket_received.j2" in outcome.reason
    assert words in outcome.reason
    kind = MailKind.TICKET_RESOLVED
    assert isinstance(
        renderer.render(kind, recipient(kind), event(kind), facts(kind)), RenderedMail
    )


def test_a_template_without_a_subject_says_so(tmp_path: Path) -> None:
    (tmp_path / "en").mkdir()
    (tmp_path / "en" / "ticket_received.j2").write_text("{% extends layout %}")
    kind = MailKind.TICKET_RECEIVED
    renderer = MailRenderer(MailTemplates(tmp_path), sender=SENDER)
    outcome = renderer.render(kind, recipient(kind), event(kind), facts(kind))
    assert isinstance(outcome, PermanentFailure)
    assert "has no block `subject`" in outcome.reason


def test_a_folder_replaces_templates_one_by_one_and_adds_languages(tmp_path: Path) -> None:
    (tmp_path / "de").mkdir()
    words = (DEFAULT_FOLDER / "en" / "words.j2").read_text()
    (tmp_path / "de" / "words.j2").write_text(words)
    template = (
        "{% extends layout %}{% block subject %}Eingegangen{% endblock %}"
        "{% block title %}Ihre Anfrage{% endblock %}{% block content %}Guten Tag{% endblock %}"
    )
    (tmp_path / "de" / "ticket_received.j2").write_text(template)
    renderer = MailRenderer(MailTemplates(tmp_path), sender=SENDER)

    def mail(kind: MailKind) -> EmailMessage:
        found = renderer.render(kind, recipient(kind), event(kind), facts(kind, locale="de-AT"))
        assert isinstance(found, RenderedMail)
        return read(found.message)

    ours, theirs = mail(MailKind.TICKET_RESOLVED), mail(MailKind.TICKET_RECEIVED)
    assert (theirs["Subject"], theirs["Content-Language"]) == ("Eingegangen [#123]", "de")
    assert ours["Content-Language"] == "en"


def test_the_desk_looks_as_it_wants_to() -> None:
    brand = Brand("Example Ltd", "#facc15", "https://example.com/logo.png", "1 Main Street")
    renderer = MailRenderer(MailTemplates(None, brand), sender=SENDER)
    kind = MailKind.TICKET_RESOLVED
    found = renderer.render(kind, recipient(kind), event(kind), facts(kind))
    assert isinstance(found, RenderedMail)
    page = body(read(found.message), "html")
    assert '<img src="https://example.com/logo.png" alt="Example Ltd"' in page
    [button] = re.findall(r'<a [^>]*class="button"[^>]*>', page)
    assert re.search(r"background: ?#facc15", button)
    assert re.search(r"[ ;]color: ?#111827", button)
    assert "1 Main Street" in page


def test_a_sender_that_is_no_address_is_refused_at_start() -> None:
    with pytest.raises(InvalidMailbox):
        MailRenderer(MailTemplates(), sender="Support")


def test_each_language_has_the_same_files() -> None:
    english, russian = (
        {path.name for path in (DEFAULT_FOLDER / language).iterdir()} for language in ("en", "ru")
    )
    assert english == russian
    assert {name.partition(".")[0] for name in english} == {*MailKind, *OwnerMailKind, "words"}
