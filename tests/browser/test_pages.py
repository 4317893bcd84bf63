"""The public pages in a real browser: from the form to the rating, as people use them."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests import files
from tests.browser.host_site import HostSite
from tests.browser.office import Office
from tests.browser.tab import Tab
from tests.waiting import eventually

# One browser and one Patchbay for all of them.
pytestmark = pytest.mark.xdist_group("browser")

WORDS = {
    "en": {
        "sent": "Your request has arrived",
        "asked": "Which version is it?",
        "answered": "Your message has arrived",
        "solution": "Please restart the client.",
        "confirmed": "The solution is confirmed",
        "rated": "You gave 4 of 5",
        "wrong": "4 things need your attention",
    },
    "ru": {
        "sent": "Ваше обращение получено",
        "asked": "Какая это версия?",
        "answered": "Ваше сообщение получено",
        "solution": "Перезапустите клиент.",
        "confirmed": "Решение подтверждено",
        "rated": "Вы поставили 4 из 5",
        "wrong": "Обратите внимание, мест: 4",
    },
}


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "screen.png"
    path.write_bytes(files.png())
    return path


def fill_in(tab: Tab, **changed: str) -> None:
    """Type what is needed."""
    typed = {
        "name": "Mira Petrova",
        "email": "mira@example.com",
        "subject": "VPN drops every ten minutes",
        "description": "Since this morning.",
        **changed,
    }
    for name, text in typed.items():
        tab.fill(f"#{name}", text)


def shown_number(tab: Tab) -> int:
    return int(tab.text("main").split("#")[1].split()[0].rstrip("."))


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no-scripts"])
@pytest.mark.parametrize("language", ["en", "ru"])
def test_from_the_form_to_the_rating(
    office: Office,
    open_tab: Callable[..., Tab],
    picture: Path,
    language: str,
    scripts: bool,  # noqa: FBT001 -- pytest gives it
) -> None:
    words = WORDS[language]
    tab = open_tab(language=language, scripts=scripts)
    tab.go(f"{office.url}/support")
    tab.click("main button.primary")
    tab.see(words["wrong"])
    tab.until("document.activeElement.id === 'summary'")
    fill_in(tab)
    tab.click("input[name=impact][value=medium]")
    tab.choose_files("#files", picture)
    tab.click("main button.primary")
    tab.see(words["sent"])
    assert tab.path.startswith("/support/sent/")
    number = shown_number(tab)
    # In Berlin where the browser may say so.
    assert ("GMT+" in tab.text(".facts")) == scripts
    ticket = office.ticket(number)
    assert (ticket["channel"], ticket["impact"]) == ("web", "medium")
    assert ticket["requester"]["locale"] == language

    tab.click("a.primary")
    tab.until("location.pathname.startsWith('/t/')")
    tab.see("screen.png")
    office.step(ticket["id"], "ask", note=words["asked"])
    tab.reload()
    tab.see(words["asked"])
    tab.fill("#answer", "4.7.1 <b>")
    tab.choose_files("#answer-files", picture)
    tab.click("form:has(#answer) button.primary")
    tab.see(words["answered"])
    assert "4.7.1 <b>" in tab.text(".messages")
    assert office.ticket(number)["status"] in ("new", "open")

    office.step(ticket["id"], "resolve", resolution={"summary": words["solution"]})
    tab.reload()
    tab.see(words["solution"])
    tab.click("form:has([value=confirm]) button")
    tab.see(words["confirmed"])
    tab.click("label:has([name=score][value='4'])")
    tab.fill("#rate", "Fast!")
    tab.click("form:has([value=rate]) button")
    tab.see(words["rated"])
    done = office.ticket(number)
    assert done["status"] == "closed"
    assert (done["satisfaction"]["score"], done["satisfaction"]["comment"]) == (4, "Fast!")
    assert all(url.startswith((office.url, "data:", "about:")) for url in tab.requests())


def test_the_keyboard_is_enough(office: Office, open_tab: Callable[..., Tab]) -> None:
    tab = open_tab()
    tab.go(f"{office.url}/support")
    tab.press("Tab")
    assert tab.focused() == "Skip to the content"
    tab.press("Enter")
    tab.until("document.activeElement.id === 'main'")
    assert tab_to(tab, "name") <= 2
    tab.write("Mira Petrova")
    tab_to(tab, "email")
    tab.write("mira")
    tab_to(tab, "phone")
    # A field is judged when it is left; who comes back by Tab writes over it.
    tab.see("does not look like an e-mail address")
    tab_to(tab, "email", back=True)
    tab.write("mira@example.com")
    tab_to(tab, "subject")
    tab.write("Only keys")
    tab_to(tab, "description")
    tab.write("No mouse.")
    tab_to(tab, "impact")
    tab.press("ArrowDown")
    tab_to(tab, "links")
    tab.press("Tab")
    assert tab.focused() == "Send"
    tab.press("Enter")
    tab.see("Your request has arrived")
    ticket = office.ticket(shown_number(tab))
    assert (ticket["subject"], ticket["impact"]) == ("Only keys", "medium")
    assert ticket["requester"]["email"] == "mira@example.com"


def tab_to(tab: Tab, name: str, *, back: bool = False) -> int:
    """Press Tab until a field has the focus; return how often that was."""
    for count in range(1, 40):
        tab.press("Tab", shift=back)
        focused = tab.script("document.activeElement.name || document.activeElement.id")
        if focused == name:
            return count
        outline = tab.script("getComputedStyle(document.activeElement).outlineStyle")
        hidden = tab.script("document.activeElement.type === 'radio'")
        assert outline != "none" or hidden, f"nobody sees that {focused} has the focus"
    raise AssertionError(f"no way to {name} by keyboard")


def test_enter_in_a_field_sends_and_does_not_change_the_language(
    office: Office, open_tab: Callable[..., Tab]
) -> None:
    tab = open_tab()
    tab.go(f"{office.url}/support")
    fill_in(tab)
    tab.click("#subject")
    tab.press("Enter")
    tab.see("Your request has arrived")


def test_the_language_changes_without_losing_what_was_typed(
    office: Office, open_tab: Callable[..., Tab]
) -> None:
    tab = open_tab()
    tab.go(f"{office.url}/support")
    fill_in(tab, description="Не теряется")
    tab.click("button[name=speak]")
    tab.see("Чем мы можем помочь?")
    assert tab.script("document.documentElement.lang") == "ru"
    assert tab.script("document.getElementById('description').value") == "Не теряется"
    tab.click("main button.primary")
    tab.see("Ваше обращение получено")


def test_a_file_that_is_too_large_is_told_before_it_is_sent(
    office: Office, open_tab: Callable[..., Tab], tmp_path: Path, picture: Path
) -> None:
    tab = open_tab()
    tab.go(f"{office.url}/support")
    large = tmp_path / "video.mp4"
    large.write_bytes(b"\0" * 1_000_001)
    tab.choose_files("#files", large, picture)
    tab.see("“video.mp4” is too large. Compress it")
    before = len(tab.requests())
    fill_in(tab)
    tab.click("main button.primary")
    tab.until("!document.getElementById('summary').hidden")
    assert len(tab.requests()) == before
    tab.click(".chosen button")
    tab.until("!document.getElementById('files').hasAttribute('aria-invalid')")
    tab.click("main button.primary")
    tab.see("Your request has arrived")


def test_pages_fit_narrow_screens_and_are_legible_in_light_and_dark(
    office: Office, open_tab: Callable[..., Tab]
) -> None:
    tab = open_tab()
    tab.go(f"{office.url}/support")
    tab.click("main button.primary")
    tab.until("!document.getElementById('summary').hidden")
    for width in (320, 390, 1280):
        tab.size(width)
        assert tab.script("document.documentElement.scrollWidth") <= width
    for dark in (False, True):
        tab.dark(dark)
        assert tab.script(PALE) == []


#: Texts whose contrast with what is behind them is below 4.5:1 (WCAG 2.2, 1.4.3).
PALE = """(() => {
  const rgb = (text) => text.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((v) => v / 255)
    .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (e) => {
    for (; e; e = e.parentElement) {
      const found = rgb(getComputedStyle(e).backgroundColor);
      if (found.length < 4 || found[3] > 0) return found;
    }
    return [255, 255, 255];
  };
  return [...document.querySelectorAll("body *")].filter((e) => e.getClientRects().length
    && [...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim())).filter((e) => {
    const [a, b] = [light(rgb(getComputedStyle(e).color)), light(behind(e))].sort((x, y) => y - x);
    return (a + 0.05) / (b + 0.05) < 4.5;
  }).map((e) => e.tagName + "." + e.className + ": " + e.innerText);
})()"""


def test_every_field_has_a_name_for_those_who_do_not_see_it(
    office: Office, open_tab: Callable[..., Tab]
) -> None:
    tab = open_tab()
    tab.go(f"{office.url}/support")
    tree = tab.call("Accessibility.getFullAXTree")["nodes"]
    roles = {"textbox", "button", "radio", "combobox", "link", "group", "radiogroup"}
    nameless = [
        node["role"]["value"]
        for node in tree
        if not node.get("ignored")
        and node["role"]["value"] in roles
        and not node.get("name", {}).get("value")
    ]
    # The groups of a page that only hold others need no name.
    assert [role for role in nameless if role != "group"] == []
    described = tab.script(
        "[...document.querySelectorAll('[aria-describedby]')].every((e) =>"
        "e.getAttribute('aria-describedby').split(' ').every((id) => document.getElementById(id)))"
    )
    assert described


def test_another_site_embeds_the_form_by_a_script(
    office: Office, open_tab: Callable[..., Tab], host_site: HostSite
) -> None:
    host_site.language = "ru"
    tab = open_tab()
    tab.go(host_site.origin)
    tab.click("body > button")
    tab.until("document.querySelector('dialog').open")
    # As high as the form, which only the form knows.
    tab.until("parseInt(document.querySelector('iframe').style.height) > 1000")
    frame = tab.script("document.querySelector('iframe').src")
    assert frame.startswith(f"{office.url}/support?embed=1&origin=")
    inside = tab.frame()
    inside.until("document.readyState === 'complete' && !!document.getElementById('subject')")
    assert inside.script("document.getElementById('product').value") == "Shop"
    assert inside.script("document.documentElement.lang") == "ru"
    for name, text in {
        "name": "Mira",
        "email": "mira@example.com",
        "subject": "From the shop",
        "description": "x",
    }.items():
        inside.script(f"document.getElementById('{name}').value = '{text}'")
    inside.script("document.querySelector('main button.primary').click()")
    inside.see("Ваше обращение получено")
    assert inside.script("document.querySelector('a.primary').target") == "_blank"
    tab.until("parseInt(document.querySelector('iframe').style.height) < 1000")


def test_a_site_that_was_not_named_cannot_show_the_form(
    office: Office, open_tab: Callable[..., Tab], host_site: HostSite
) -> None:
    tab = open_tab()
    tab.go(f"http://127.0.0.1:{host_site.port}")
    tab.click("body > button")
    tab.until("document.querySelector('dialog').open")
    eventually(lambda: [words for words in tab.complaints() if "frame-ancestors" in words])
    tab.refused = True
