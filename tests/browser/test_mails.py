"""Every mail in both languages as people see it, in Chromium: wide and light, narrow and dark."""

from pathlib import Path

import pytest

from services.notifier.mail.brand import Brand
from services.notifier.mail.message import MailRenderer
from services.notifier.mail.samples import sample_event, sample_facts, sample_recipient
from services.notifier.mail.templates import MailTemplates, MailText
from services.notifier.owner_mails.message import OwnerMails
from services.notifier.owner_mails.samples import sample_news
from shared.domain.delivery import AnyMail, MailKind, OwnerMailKind
from tests.browser.chromium import Chromium
from tests.browser.tab import Tab

pytestmark = pytest.mark.xdist_group("browser")

RENDERER = MailRenderer(MailTemplates(), sender="Support <support@desk.example>")

#: The relative luminance of WCAG 2.2, and the least contrast of a text with what is behind it.
CONTRAST = """(() => {
  const parse = (c) => c.match(/[\\d.]+/g).map(Number);
  const light = (c) => {
    const [r, g, b] = c.map((v) => v / 255).map(
      (v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (e) => {
    for (; e; e = e.parentElement) {
      const c = parse(getComputedStyle(e).backgroundColor);
      if (c.length === 3 || c[3] > 0) return c.slice(0, 3);
    }
    return [255, 255, 255];
  };
  let least = 21;
  for (const e of document.querySelectorAll('body *')) {
    const own = [...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim());
    if (!own || !e.getClientRects().length || e.closest('style')) continue;
    const [a, b] = [light(parse(getComputedStyle(e).color).slice(0, 3)), light(behind(e))];
    least = Math.min(least, (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05));
  }
  return least;
})()"""

OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


@pytest.fixture
def tab(chromium: Chromium) -> Tab:
    return chromium.open()


def sample(kind: AnyMail, language: str) -> MailText:
    if isinstance(kind, OwnerMailKind):
        owners, news = OwnerMails(RENDERER), sample_news(kind)
        facts = owners.facts(kind, news, "support@desk.example", "Europe/Berlin", language)
        return owners.filled(kind, news, facts)
    return RENDERER.filled(
        kind,
        sample_recipient(kind),
        sample_event(kind, language),
        sample_facts(kind, language, "Europe/Berlin"),
    )


@pytest.mark.parametrize("language", ["en", "ru"])
def test_every_mail_can_be_read_wide_and_narrow_light_and_dark(
    tab: Tab, tmp_path: Path, language: str
) -> None:
    for kind in (*MailKind, *OwnerMailKind):
        text = sample(kind, language)
        page = tmp_path / f"{kind}.html"
        page.write_text(text.html, encoding="utf-8")
        tab.go(page.as_uri())
        for width, dark in ((700, False), (340, True)):
            tab.size(width)
            tab.dark(dark)
            assert tab.script(OVERFLOW) == 0, (kind, width)
            assert tab.script(CONTRAST) >= 4.5, (kind, width)
        picture = tmp_path / f"{kind}.png"
        tab.picture(picture)
        assert picture.read_bytes().startswith(b"\x89PNG"), kind
    assert tab.complaints() == []
    tab.close()


def test_a_long_word_and_a_light_brand_break_nothing(tab: Tab, tmp_path: Path) -> None:
    renderer = MailRenderer(
        MailTemplates(None, Brand("Example", "#facc15")), sender="support@desk.example"
    )
    kind = MailKind.TICKET_ASSIGNED
    event = sample_event(kind, "en")
    event["data"]["ticket"]["subject"] = "x" * 250
    text = renderer.filled(kind, sample_recipient(kind), event, sample_facts(kind, "en", "UTC"))
    page = tmp_path / "long.html"
    page.write_text(text.html, encoding="utf-8")
    tab.size(340)
    tab.go(page.as_uri())
    assert tab.script(OVERFLOW) == 0
    assert tab.script(CONTRAST) >= 4.5
    tab.close()
