"""The support form: what it makes, what it refuses, and what it keeps."""

from collections.abc import Callable
from dataclasses import replace
from ipaddress import ip_network
from typing import Any

import pytest

from services.intake.pages.fields import FIELDS
from shared.domain.support_field import SupportField
from shared.settings import Settings
from tests import files
from tests.attaching import listed
from tests.fixtures.shops import Shop
from tests.invariants import assert_sound
from tests.visitor import FORM, Visitor, errors, hidden, said
from tests.waiting import in_threads


@pytest.fixture
def open_shop(settings: Settings, new_shop: Callable[..., Shop]) -> Callable[..., Shop]:
    """Makes shops whose form may be sent at once."""
    return lambda **changed: new_shop(replace(settings, **{"support_min_fill_s": 0.0, **changed}))


@pytest.fixture
def shop(open_shop: Callable[..., Shop]) -> Shop:
    return open_shop()


@pytest.fixture
def visitor(shop: Shop) -> Visitor:
    return Visitor(shop.desk.app)


def tickets(shop: Shop) -> list[dict[str, Any]]:
    return list(shop.desk.ok("GET", "/v1/tickets")["items"])


def test_every_field_of_the_form_reaches_the_ticket(shop: Shop, visitor: Visitor) -> None:
    sent = visitor.send(
        phone="+44 20 7946 0000",
        contact="Telegram @mira",
        type="complaint",
        product="VPN",
        errors="E1\r\nE2",
        steps="1. Connect",
        environment="Client 4.7",
        impact="high",
        urgency="medium",
        delays="two days",
        money="100",
        productivity="three people",
        links="https://files.example.com/video.mp4",
    )
    assert sent.status_code == 303
    [ticket] = tickets(shop)
    assert ticket["channel"] == "web"
    assert ticket["subject"] == FORM["subject"]
    assert ticket["description"] == FORM["description"]
    requester = ticket["requester"]
    assert requester["name"] == "Mira Petrova"
    assert requester["email"] == "mira@example.com"
    assert requester["phone"] == "+44 20 7946 0000"
    assert requester["contacts"] == [{"type": "other", "value": "Telegram @mira"}]
    assert requester["locale"] == "en"
    assert (ticket["type"], ticket["product"]) == ("complaint", "VPN")
    assert ticket["error_messages"] == ["E1\nE2"]
    assert ticket["steps_to_reproduce"] == "1. Connect"
    assert ticket["custom_fields"] == {"environment": "Client 4.7"}
    assert (ticket["impact"], ticket["urgency"], ticket["priority"]) == ("high", "medium", "high")
    costs = {"delays": "two days", "costs": "100", "productivity": "three people"}
    assert ticket["impact_details"] == costs
    [link] = listed(shop.desk, ticket["id"])
    assert (link["kind"], link["url"]) == ("link", "https://files.example.com/video.mp4")
    assert_sound(shop.runtime.database)


@pytest.mark.parametrize("mode", ["embedded"], indirect=True)
def test_a_form_changes_nothing_about_a_requester_who_is_known(
    shop: Shop, visitor: Visitor
) -> None:
    known = shop.desk.ticket()["requester"]["id"]
    before = shop.desk.ok("GET", f"/v1/requesters/{known}")
    sent = visitor.send(name="Mallory", phone="+44 20 7946 0999", contact="@mallory", lang="ru")
    assert sent.status_code == 303
    [ticket, _] = tickets(shop)
    assert (ticket["requester"]["id"], ticket["requester"]["name"]) == (known, "Mallory")
    assert shop.desk.ok("GET", f"/v1/requesters/{known}") == before
    caller = shop.desk.ticket(requester={"name": "Mallory", "phone": "+44 20 7946 0999"})
    assert caller["requester"]["id"] != known


@pytest.mark.parametrize(("language", "words"), [("en", "has arrived"), ("ru", "получено")])
def test_the_confirmation_tells_number_date_status_time_and_next_steps(
    shop: Shop, language: str, words: str
) -> None:
    visitor = Visitor(shop.desk.app, language)
    page = visitor.get(visitor.send().headers["Location"])
    text = said(page.text)
    for part in {
        "en": ("#1", "March 1, 2026, 12:00 UTC", "Received", "March 3, 2026", "right specialist"),
        "ru": ("#1", "1 марта 2026 г., 12:00 UTC", "Получено", "3 марта 2026", "специалиста"),
    }[language]:
        assert part in text
    assert words in text
    assert page.headers["Content-Language"] == language
    assert f'<html lang="{language}">' in page.text


def test_mistakes_are_told_in_place_and_everything_typed_is_kept(
    shop: Shop, visitor: Visitor
) -> None:
    typed = {"name": " ", "email": "mira@", "phone": "12", "product": "x" * 129}
    typed |= {"impact": "huge", "links": "ftp://x", "description": "<b>&\r\nkept", "subject": ""}
    answer = visitor.send(**typed)
    assert answer.status_code == 422
    found = errors(answer.text)
    assert set(found) == {"name", "email", "phone", "subject", "product", "impact", "links"}
    assert "too long by 1 characters; 128 fit" in found["product"]
    assert "&lt;b&gt;&amp;\r\nkept</textarea>" in answer.text
    assert 'value="mira@"' in answer.text
    for name in found:
        assert f'href="#{name}"' in answer.text
        assert f'id="{name}"' in answer.text
    assert 'id="summary" role="alert" tabindex="-1" autofocus' in answer.text
    assert tickets(shop) == []


def test_an_address_or_a_number_is_enough_and_neither_is_not(shop: Shop, visitor: Visitor) -> None:
    assert set(errors(visitor.send(email="").text)) == {"email"}
    assert visitor.send(email="", phone="+44 20 7946 0000").status_code == 303
    assert len(tickets(shop)) == 1


@pytest.mark.parametrize("field", [f for f in FIELDS if not f.choices and f.name != "links"])
def test_every_field_takes_what_fits_and_no_more(visitor: Visitor, field: Any) -> None:
    fits = {"email": "a@" + "b" * 61 + ".example", "phone": "1" * 32}.get(
        field.name, "ж" * field.limit
    )
    assert visitor.send(**{field.name: fits}).status_code == 303
    over = "1" * (field.limit + 1)
    assert field.name in errors(visitor.send(**{field.name: over}).text)


@pytest.mark.parametrize("text", ["a\x00b", "\x00"])
def test_a_nul_is_refused_in_place(visitor: Visitor, text: str) -> None:
    assert "description" in errors(visitor.send(description=text).text)


def test_html_formulas_and_odd_writing_are_stored_as_typed_and_shown_as_text(
    shop: Shop, visitor: Visitor
) -> None:
    nasty = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)> =cmd|x {{7*7}} \u202eabc"
    path = visitor.status_path(subject=nasty, description=nasty, name="<b>Mira</b>")
    [ticket] = tickets(shop)
    assert (ticket["subject"], ticket["description"]) == (nasty, nasty)
    page = visitor.get(path).text
    assert "<script>alert" not in page
    assert "<img" not in page
    assert "&lt;script&gt;alert(1)" in page
    assert "49" not in said(page).split("Conversation")[1].split("UTC")[1]


NO_BROWSER = [
    (b"name=%FF%FE", "application/x-www-form-urlencoded"),
    (b"name=%ED%A0%80", "application/x-www-form-urlencoded"),
    ("name=Миша".encode("cp1251"), "application/x-www-form-urlencoded"),
    (b"&".join([b"a=1"] * 101), "application/x-www-form-urlencoded"),
    (b"{}", "application/json"),
    (b"rubbish", "multipart/form-data; boundary="),
    (b"--x\r\nrubbish", "multipart/form-data; boundary=x"),
    (
        b'--x\r\nContent-Disposition: form-data; name="name"\r\n\r\n\xff\r\n--x--\r\n',
        "multipart/form-data; boundary=x",
    ),
]


def test_what_no_browser_sends_is_answered_by_a_page_and_changes_nothing(
    shop: Shop, visitor: Visitor, subtests: pytest.Subtests
) -> None:
    for body, content_type in NO_BROWSER:
        with subtests.test(body=body):
            answer = visitor.post("/support", body, content_type=content_type)
            assert answer.status_code == 400
            assert answer.content_type == "text/html; charset=utf-8"
            assert "cannot be read" in said(answer.text)
            assert tickets(shop) == []


def test_a_form_that_is_far_too_large_is_answered_by_a_page(visitor: Visitor) -> None:
    body = b"name=" + b"x" * 2_000_000
    content_type = "application/x-www-form-urlencoded"
    answer = visitor.post("/support", body, content_type=content_type)
    assert answer.status_code == 413
    assert "as links" in said(answer.text)


# Forgery and programs -------------------------------------------------------------------------


@pytest.mark.parametrize("token", ["", "rubbish", "WyJzdXBwb3J0IiwieCIsMV0.aaaaaa.bbbbbb"])
def test_a_form_without_a_token_of_ours_makes_nothing(
    shop: Shop, visitor: Visitor, token: str
) -> None:
    answer = visitor.send(token=token)
    assert answer.status_code == 422
    assert "was not opened here" in said(answer.text)
    assert 'value="Mira Petrova"' in answer.text
    assert tickets(shop) == []
    again = hidden(answer.text, "token")
    assert visitor.send(token=again).status_code == 303


def test_a_token_of_another_form_or_purpose_is_none_of_this(shop: Shop, visitor: Visitor) -> None:
    path = visitor.status_path()
    for token in (visitor.token(path), path.removeprefix("/t/")):
        assert visitor.send(token=token).status_code == 422
    assert len(tickets(shop)) == 1


def test_a_token_is_good_for_half_a_day(shop: Shop, visitor: Visitor) -> None:
    token = visitor.token()
    shop.later(hours=11, minutes=59)
    early = visitor.send(token=token)
    shop.later(minutes=2)
    late = visitor.send(token=token, subject="Another")
    assert (early.status_code, late.status_code) == (303, 422)


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example"},
    ],
)
def test_a_form_sent_from_another_site_makes_nothing(
    shop: Shop, visitor: Visitor, headers: dict[str, str]
) -> None:
    answer = visitor.send(headers=headers)
    assert answer.status_code == 422
    assert "from another website" in said(answer.text)
    assert tickets(shop) == []


@pytest.mark.parametrize(
    "headers",
    [{"Sec-Fetch-Site": "same-origin"}, {"Origin": "null"}, {"Origin": "http://localhost"}],
)
def test_a_form_sent_from_here_is_taken(visitor: Visitor, headers: dict[str, str]) -> None:
    assert visitor.send(headers=headers).status_code == 303


def test_whoever_fills_in_the_hidden_field_is_told_and_not_silently_dropped(
    shop: Shop, visitor: Visitor
) -> None:
    answer = visitor.send(website="https://spam.example")
    assert answer.status_code == 422
    assert "leave the field" in said(answer.text)
    assert 'class="trap shown"' in answer.text
    assert tickets(shop) == []


def test_a_form_filled_in_faster_than_people_can_is_asked_for_again(
    open_shop: Callable[..., Shop],
) -> None:
    shop = open_shop(support_min_fill_s=3.0)
    visitor = Visitor(shop.desk.app)
    fast = visitor.send()
    assert fast.status_code == 422
    assert "very quick" in said(fast.text)
    shop.later(seconds=3)
    assert visitor.send(token=hidden(fast.text, "token")).status_code == 303


def test_one_network_address_sends_so_many_in_an_hour(open_shop: Callable[..., Shop]) -> None:
    shop = open_shop(support_ip_limit_per_hour=2)
    first, other = Visitor(shop.desk.app), Visitor(shop.desk.app, address="192.0.2.8")
    assert [first.send().status_code for _ in range(3)] == [303, 303, 429]
    refused = first.send(description="Not lost")
    assert "Too many requests came from your network" in said(refused.text)
    assert int(refused.headers["Retry-After"]) >= 60
    assert "Not lost" in refused.text
    assert other.send().status_code == 303


def test_addresses_of_one_ipv6_network_count_as_one(open_shop: Callable[..., Shop]) -> None:
    shop = open_shop(support_ip_limit_per_hour=1)
    sent = [
        Visitor(shop.desk.app, address=address).send().status_code
        for address in ("2001:db8::1", "2001:db8::2", "2001:db8:0:1::1")
    ]
    assert sent == [303, 429, 303]


def test_forwarded_addresses_are_believed_of_trusted_proxies_only(
    open_shop: Callable[..., Shop],
) -> None:
    proxies = (ip_network("10.0.0.0/8"),)
    shop = open_shop(support_ip_limit_per_hour=1, trusted_proxies=proxies)
    proxied = Visitor(shop.desk.app, address="10.0.0.1")

    def by(forwarded: str, visitor: Visitor = proxied) -> int:
        return visitor.send(headers={"X-Forwarded-For": forwarded}).status_code

    assert by("198.51.100.1") == 303
    assert by("198.51.100.2, 10.0.0.2") == 303
    # What stands before the last stranger was written by strangers.
    assert by("203.0.113.9, 198.51.100.1") == 429
    stranger = Visitor(shop.desk.app, address="192.0.2.1")
    assert by("203.0.113.1", stranger) == 303
    assert by("203.0.113.2", stranger) == 429


def test_one_address_of_mail_gets_so_many_tickets_in_an_hour(
    open_shop: Callable[..., Shop],
) -> None:
    shop = open_shop(support_email_limit_per_hour=2)
    visitors = [Visitor(shop.desk.app, address=f"192.0.2.{number}") for number in range(3)]
    sent = [visitor.send(email="Mira@example.com") for visitor in visitors]
    assert [answer.status_code for answer in sent] == [303, 303, 429]
    assert "for this e-mail address" in said(sent[2].text)
    assert visitors[0].send(email="other@example.com").status_code == 303


# Once -----------------------------------------------------------------------------------------


def test_a_double_click_makes_one_ticket(shop: Shop, visitor: Visitor) -> None:
    token = visitor.token()
    picture = [("screen.png", files.png())]
    answers = in_threads(8, lambda _: visitor.send(token=token, files=picture))
    assert {answer.status_code for answer in answers} == {303}
    [ticket] = tickets(shop)
    assert len(listed(shop.desk, ticket["id"])) == 1
    pages = {said(visitor.get(each.headers["Location"]).text) for each in answers}
    assert len(pages) == 1
    assert_sound(shop.runtime.database)


def test_the_same_form_with_other_content_asks_before_it_makes_a_second_ticket(
    shop: Shop, visitor: Visitor
) -> None:
    token = visitor.token()
    assert visitor.send(token=token).status_code == 303
    asked = visitor.send(token=token, subject="Something else")
    assert asked.status_code == 409
    assert "You have sent this form already" in said(asked.text)
    assert len(tickets(shop)) == 1
    again = visitor.send(token=hidden(asked.text, "token"), subject="Something else")
    assert again.status_code == 303
    assert len(tickets(shop)) == 2


# Files ----------------------------------------------------------------------------------------


def test_files_come_with_the_ticket(shop: Shop, visitor: Visitor) -> None:
    sent = [("../../screen.png", files.png()), ("report.pdf", files.pdf())]
    path = visitor.status_path(files=sent)
    [ticket] = tickets(shop)
    assert [each["name"] for each in listed(shop.desk, ticket["id"])] == [
        "screen.png",
        "report.pdf",
    ]
    assert "screen.png" in said(visitor.get(path).text)
    assert_sound(shop.runtime.database)


def test_a_file_has_not_to_be_chosen_again_because_of_a_mistake_elsewhere(
    shop: Shop, visitor: Visitor
) -> None:
    wrong = visitor.send(subject="", files=[("screen.png", files.png())])
    assert set(errors(wrong.text)) == {"subject"}
    kept = hidden(wrong.text, "kept")
    sent = visitor.send(token=hidden(wrong.text, "token"), kept=kept)
    assert sent.status_code == 303
    [ticket] = tickets(shop)
    assert [each["name"] for each in listed(shop.desk, ticket["id"])] == ["screen.png"]


def test_a_kept_file_that_was_not_kept_here_is_left_out(shop: Shop, visitor: Visitor) -> None:
    assert visitor.send(kept="forged").status_code == 303
    [ticket] = tickets(shop)
    assert listed(shop.desk, ticket["id"]) == []


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("run.exe", b"MZ\x90\x00" + b"\0" * 100, "of a kind that we do not take"),
        ("empty.txt", b"", "is empty"),
        ("big.txt", b"x" * 2_000, "is too large. Compress it"),
        ("locked.zip", files.encrypted_zip(), "is encrypted"),
    ],
)
def test_a_file_that_is_not_taken_is_named_with_the_way_out(
    open_shop: Callable[..., Shop], name: str, content: bytes, words: str
) -> None:
    shop = open_shop(attachment_max_bytes=1_500)
    answer = Visitor(shop.desk.app).send(files=[(name, content), ("good.png", files.png())])
    assert answer.status_code == 422
    assert words in errors(answer.text)["files"]
    assert name in errors(answer.text)["files"]
    assert "good.png" in answer.text
    assert 'value="Mira Petrova"' in answer.text
    assert tickets(shop) == []


def test_more_files_than_fit_are_said_and_the_first_ones_kept(
    open_shop: Callable[..., Shop],
) -> None:
    shop = open_shop(attachment_max_count=2)
    sent = [(f"{number}.png", files.png()) for number in range(3)]
    answer = Visitor(shop.desk.app).send(files=sent)
    assert "At most 2 files" in errors(answer.text)["files"]
    assert answer.text.count('name="kept"') == 2


# Languages, settings, frames ---------------------------------------------------------------------


def test_the_language_is_asked_for_preferred_or_english(shop: Shop) -> None:
    def language(accept: str, query: str = "") -> str:
        page = Visitor(shop.desk.app, accept).get(f"/support{query}")
        return page.headers["Content-Language"]

    assert language("ru-RU,ru;q=0.9,en;q=0.8") == "ru"
    assert language("ru", "?lang=en") == "en"
    assert language("de") == "en"
    assert language("de, ru;q=0.1", "?lang=xx") == "ru"


def test_speaking_another_language_keeps_what_was_typed(visitor: Visitor, shop: Shop) -> None:
    answer = visitor.send(speak="ru", subject="Kept")
    assert answer.status_code == 200
    assert "Чем мы можем помочь?" in answer.text
    assert 'value="Kept"' in answer.text
    assert errors(answer.text) == {}
    assert tickets(shop) == []


def test_a_form_may_have_fewer_fields(open_shop: Callable[..., Shop]) -> None:
    shop = open_shop(support_fields=frozenset({SupportField.PHONE}))
    visitor = Visitor(shop.desk.app)
    page = visitor.get("/support").text
    assert 'name="phone"' in page
    for name in ("product", "impact", "delays", "files", "links", "steps", "contact"):
        assert f'name="{name}"' not in page
    sent = visitor.send(product="Smuggled", files=[("screen.png", files.png())])
    assert sent.status_code == 303
    [ticket] = tickets(shop)
    assert ticket["product"] is None
    assert listed(shop.desk, ticket["id"]) == []


def test_pages_load_nothing_from_elsewhere_and_run_only_what_is_ours(visitor: Visitor) -> None:
    page = visitor.get("/support")
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http://" not in page.text
    assert "https://" not in page.text.replace("https://files.example.com", "")
    assert " on" + "click" not in page.text
    assert "style=" not in page.text
    nonce = policy.split("'nonce-")[1].split("'")[0]
    assert page.text.count(f'nonce="{nonce}"') == 2
    assert nonce not in visitor.get("/support").text


def test_only_sites_that_were_named_may_show_the_form(open_shop: Callable[..., Shop]) -> None:
    shop = open_shop(embed_origins=("https://shop.example.com",))
    visitor = Visitor(shop.desk.app)
    form = visitor.get("/support?embed=1&origin=https://shop.example.com")
    ancestors = "frame-ancestors 'self' https://shop.example.com"
    assert ancestors in form.headers["Content-Security-Policy"]
    assert 'data-host-origin="https://shop.example.com"' in form.text
    other = visitor.get("/support?embed=1&origin=https://evil.example")
    assert "evil" not in other.text.replace("origin=https%3A%2F%2Fevil.example", "")
    page = visitor.get(visitor.status_path())
    assert "frame-ancestors 'none'" in page.headers["Content-Security-Policy"]
    assert page.headers["X-Frame-Options"] == "DENY"


def test_assets_are_cached_for_ever_under_their_tag(visitor: Visitor) -> None:
    page = visitor.get("/support").text
    address = page.split('rel="stylesheet"')[1].split('href="')[1].split('"')[0]
    found = visitor.get(address)
    assert found.content_type == "text/css; charset=utf-8"
    assert "immutable" in found.headers["Cache-Control"]
    script = visitor.get("/support/embed.js")
    assert script.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert visitor.get("/support/assets/page.py").status_code == 404


def test_an_operator_changes_looks_and_words_by_a_folder(
    open_shop: Callable[..., Shop], tmp_path: Any
) -> None:
    folder = tmp_path / "pages"
    (folder / "texts").mkdir(parents=True)
    (folder / "theme.css").write_text(":root { --accent: #a00 }")
    (folder / "texts" / "en.yaml").write_text("desk: Acme care\n")
    (folder / "texts" / "de.yaml").write_text("language_name: Deutsch\nsupport: {send: Senden}\n")
    shop = open_shop(pages_dir=folder)
    assert "Acme care" in Visitor(shop.desk.app).get("/support").text
    assert "theme.css" in Visitor(shop.desk.app).get("/support").text
    german = Visitor(shop.desk.app, "de-AT").get("/support").text
    assert '<html lang="de">' in german
    assert "Senden" in german
    assert "How can we help?" in german
