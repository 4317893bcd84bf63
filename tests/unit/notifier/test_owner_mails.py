"""Mails to owners of webhooks: what they say, in both languages, whatever a receiver answered."""

import email
from datetime import timedelta
from email import policy
from email.message import EmailMessage

import pytest

from services.notifier.channels.mail_address import InvalidMailbox
from services.notifier.health import News, NewsKind
from services.notifier.owner_mails.message import OwnerMails
from services.notifier.owner_news import operational_event
from shared.domain.delivery import OwnerMailKind
from tests.factories import NOW, subscription

MAILS = OwnerMails("Support <support@patchbay.example>")
BOUNCES = "bounces@patchbay.example"
KINDS = dict(zip(NewsKind, OwnerMailKind, strict=True))


def rendered(kind: NewsKind, reason: str = "HTTP 500", **changed: object) -> bytes:
    news = News(kind, NOW + timedelta(hours=1), NOW, 42, reason)
    endpoint = subscription(id="whk_1", **{"url": "https://hooks.example/", **changed})
    event = {**operational_event(endpoint, news), "id": "evt_1"}
    return MAILS.render(KINDS[kind], "ops@example.com", BOUNCES, event).message


def read(raw: bytes) -> EmailMessage:
    found = email.message_from_bytes(raw, policy=policy.SMTP)
    assert isinstance(found, EmailMessage)
    return found


@pytest.mark.parametrize("kind", NewsKind)
def test_an_owner_is_told_in_both_languages_what_fails_and_since_when(kind: NewsKind) -> None:
    mail = read(rendered(kind, url="https://hooks.example/t0ken?key=secret"))
    text = mail.get_content()
    assert mail["To"] == "ops@example.com"
    assert mail["Subject"].startswith("Webhook to hooks.example is ")
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Message-ID"] == f"<evt_1.{KINDS[kind]}@patchbay.example>"
    for part in ("whk_1", "2026-03-01 12:00 UTC", "42", "webhook:", "вебхук:"):
        assert part in text
    assert "t0ken" not in text
    assert "secret" not in text


@pytest.mark.parametrize("kind", NewsKind)
def test_the_same_news_give_the_same_bytes(kind: NewsKind) -> None:
    assert rendered(kind) == rendered(kind)


def test_a_hostile_answer_or_description_stays_one_line_of_text() -> None:
    nasty = "a\r\nBcc: all@example.com\r\n\r\n{{ 7 * 7 }}\x00<b>"
    raw = rendered(NewsKind.FAILING, reason=nasty, description=nasty)
    mail = read(raw)
    assert mail["Bcc"] is None
    assert "{{ 7 * 7 }}" in mail.get_content()
    assert "\x00" not in mail.get_content()
    assert b"\n" not in raw.replace(b"\r\n", b"")


def test_an_address_that_is_none_is_refused() -> None:
    event = operational_event(subscription(), News(NewsKind.FAILING, NOW, NOW, 1, "x"))
    with pytest.raises(InvalidMailbox):
        MAILS.render(OwnerMailKind.WEBHOOK_FAILING, "nobody\r\nBcc: x@example.com", BOUNCES, event)
