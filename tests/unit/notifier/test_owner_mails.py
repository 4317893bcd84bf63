"""Mails to owners of webhooks: what they say, in each language, whatever a receiver answered."""

import email
from datetime import timedelta
from email import policy
from email.message import EmailMessage
from pathlib import Path

import pytest

from services.notifier.channels.base import PermanentFailure
from services.notifier.health import News, NewsKind
from services.notifier.mail.message import MailRenderer, RenderedMail
from services.notifier.mail.templates import DEFAULT_FOLDER, MailTemplates
from services.notifier.owner_mails.message import OwnerMails
from services.notifier.owner_news import operational_event
from shared.domain.delivery import OwnerMailKind
from tests.factories import NOW, subscription

SENDER = "Support <support@patchbay.example>"
BOUNCES = "bounces@patchbay.example"
KINDS = dict(zip(NewsKind, OwnerMailKind, strict=True))
SAYS = {
    "en": ("Webhook to hooks.example ", "Failures"),
    "ru": ("Вебхук на hooks.example ", "Неудач"),
}


def owner_mails(folder: Path | None = None) -> OwnerMails:
    return OwnerMails(MailRenderer(MailTemplates(folder), sender=SENDER))


def made(
    kind: NewsKind,
    reason: str = "HTTP 500",
    locale: str = "en",
    to: str = "ops@example.com",
    folder: Path | None = None,
    **changed: object,
) -> RenderedMail | PermanentFailure:
    news = News(kind, NOW + timedelta(hours=1), NOW, 42, reason)
    endpoint = subscription(id="whk_1", **{"url": "https://hooks.example/", **changed})
    event = {**operational_event(endpoint, news), "id": "evt_1"}
    mails = owner_mails(folder)
    facts = mails.facts(KINDS[kind], event, BOUNCES, "UTC", locale)
    return mails.render(KINDS[kind], to, event, facts)


def rendered(kind: NewsKind, reason: str = "HTTP 500", locale: str = "en", **more: str) -> bytes:
    mail = made(kind, reason, locale, **more)  # type: ignore[arg-type]
    assert isinstance(mail, RenderedMail), mail
    assert mail.sender == BOUNCES
    return mail.message


def read(raw: bytes) -> EmailMessage:
    found = email.message_from_bytes(raw, policy=policy.SMTP)
    assert isinstance(found, EmailMessage)
    return found


def bodies(mail: EmailMessage) -> list[str]:
    parts = [mail.get_body((form,)) for form in ("plain", "html")]
    return [part.get_content() for part in parts if part is not None]


@pytest.mark.parametrize("kind", NewsKind)
@pytest.mark.parametrize("language", SAYS)
def test_an_owner_is_told_in_their_language_what_fails_and_since_when(
    kind: NewsKind, language: str
) -> None:
    mail = read(rendered(kind, locale=language, url="https://hooks.example/t0ken?key=secret"))
    subject, failures = SAYS[language]
    assert mail["To"] == "ops@example.com"
    assert mail["Subject"].startswith(subject)
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Content-Language"] == language
    assert mail["Message-ID"] == f"<evt_1.{KINDS[kind]}@patchbay.example>"
    assert mail["References"].split()[0] == "<whk_1@patchbay.example>"
    text, page = bodies(mail)
    for part in ("whk_1", "12:00 UTC", "42", failures):
        assert part in text
        assert part in page
    assert "t0ken" not in text + page
    assert "secret" not in text + page


@pytest.mark.parametrize("kind", NewsKind)
def test_the_same_news_give_the_same_bytes(kind: NewsKind) -> None:
    assert rendered(kind) == rendered(kind)


def test_a_hostile_answer_or_description_stays_one_line_of_text() -> None:
    nasty = "a\r\nBcc: all@example.com\r\n\r\n{{ 7 * 7 }}\x00<b>"
    raw = rendered(NewsKind.FAILING, reason=nasty, description=nasty)
    mail = read(raw)
    assert mail["Bcc"] is None
    text, page = bodies(mail)
    assert "a Bcc: all@example.com {{ 7 * 7 }}" in text
    assert "{{ 7 * 7 }}" in page
    assert "&lt;b&gt;" in page
    assert "<b>" not in page
    assert "\x00" not in text + page
    assert b"\n" not in raw.replace(b"\r\n", b"")


def test_an_address_that_is_none_is_refused() -> None:
    refused = made(NewsKind.FAILING, to="nobody\r\nBcc: x@example.com")
    assert isinstance(refused, PermanentFailure)


def test_a_folder_replaces_them_and_a_broken_one_ends_its_mail_alone(tmp_path: Path) -> None:
    (tmp_path / "en").mkdir()
    own = tmp_path / "en" / "webhook_failing.j2"
    own.write_text(
        "{% extends layout %}{% block subject %}Broken: {{ webhook.host }}{% endblock %}"
        "{% block title %}x{% endblock %}{% block content %}{{ reason }}{% endblock %}"
    )
    mail = made(NewsKind.FAILING, folder=tmp_path)
    assert isinstance(mail, RenderedMail)
    assert read(mail.message)["Subject"] == "Broken: hooks.example"
    own.write_text("{% extends layout %}{{ nonsense }")
    refused = made(NewsKind.FAILING, folder=tmp_path)
    assert isinstance(refused, PermanentFailure)
    assert "en/webhook_failing.j2:1" in refused.reason
    assert isinstance(made(NewsKind.RECOVERED, folder=tmp_path), RenderedMail)


def test_words_of_a_desk_from_before_need_not_know_owners(tmp_path: Path) -> None:
    (tmp_path / "en").mkdir()
    words = (DEFAULT_FOLDER / "en" / "words.j2").read_text()
    old = "\n".join(line for line in words.splitlines() if '"owner"' not in line)
    (tmp_path / "en" / "words.j2").write_text(old.replace('this desk.",\n', 'this desk."} %}\n'))
    assert isinstance(made(NewsKind.FAILING, folder=tmp_path), RenderedMail)
