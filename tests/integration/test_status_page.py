"""The page of a ticket behind its signed link: what it shows, to whom, and what it lets do."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from shared.domain.role import Role
from shared.settings import Settings
from tests import files
from tests.api_keys import TESTER, create_key
from tests.attaching import attached, uploaded
from tests.desk import Desk
from tests.fixtures.shops import Shop
from tests.invariants import assert_sound
from tests.problems import assert_problem
from tests.visitor import Visitor, errors, hidden, said
from tests.waiting import in_threads


@pytest.fixture
def shop(settings: Settings, new_shop: Callable[..., Shop]) -> Shop:
    return new_shop(replace(settings, support_min_fill_s=0.0, public_url="https://help.example"))


@pytest.fixture
def visitor(shop: Shop) -> Visitor:
    return Visitor(shop.desk.app)


@pytest.fixture
def ticket(shop: Shop) -> dict[str, Any]:
    """Somebody has it."""
    shop.desk.agent(5, name="Ann Lee")
    made = shop.desk.ticket(description="It drops.")
    shop.settle()
    return made


def link(desk: Desk, ticket_id: str) -> str:
    """The path of a ticket's page."""
    url = str(desk.ok("GET", f"/v1/tickets/{ticket_id}/status-link")["url"])
    assert url.startswith("https://help.example/t/")
    return url.removeprefix("https://help.example")


@pytest.fixture
def path(shop: Shop, ticket: dict[str, Any]) -> str:
    return link(shop.desk, ticket["id"])


def resolve(shop: Shop, ticket: dict[str, Any]) -> None:
    shop.desk.step(ticket["id"], "resolve", resolution={"summary": "A new gateway."})


def test_the_page_tells_how_the_ticket_stands(
    shop: Shop, visitor: Visitor, ticket: dict[str, Any], path: str
) -> None:
    text = said(visitor.get(path).text)
    for words in ("#1", ticket["subject"], "In progress", "March 1, 2026", "It drops.", "We will"):
        assert words in text
    russian = said(visitor.get(f"{path}?lang=ru").text)
    assert "В работе" in russian


def test_what_the_desk_says_among_itself_stays_there(
    shop: Shop, visitor: Visitor, ticket: dict[str, Any], path: str
) -> None:
    shop.desk.say(ticket["id"], "Which version?")
    shop.desk.say(ticket["id"], "He is difficult.", visibility="internal")
    text = visitor.get(path).text
    assert "Which version?" in text
    assert "difficult" not in text
    # The name of a key is no business of customers.
    assert "Support" in said(text)
    assert ">test<" not in text


def test_an_answer_lets_a_pending_ticket_go_on(
    shop: Shop, visitor: Visitor, ticket: dict[str, Any], path: str
) -> None:
    shop.desk.step(ticket["id"], "ask", note="Which version is it?")
    asked = said(visitor.get(path).text)
    assert "Waiting for your answer" in asked
    assert "Which version is it?" in asked
    done = visitor.do(path, "answer", answer="4.7\r\nI think", files=[("a.png", files.png())])
    assert done.status_code == 303
    assert done.headers["Location"] == f"{path}?done=answer"
    page = visitor.get(done.headers["Location"])
    assert "Your message has arrived" in said(page.text)
    assert shop.desk.read(ticket["id"])["status"] == "open"
    [comment] = shop.desk.comments(ticket["id"])
    assert (comment["body"], comment["visibility"]) == ("4.7\nI think", "public")
    assert comment["author"]["kind"] == "requester"
    assert [each["name"] for each in comment["attachments"]] == ["a.png"]
    assert_sound(shop.runtime.database)


def test_a_confirmed_solution_closes_and_can_be_rated_and_the_rating_changed(
    shop: Shop, visitor: Visitor, ticket: dict[str, Any], path: str
) -> None:
    resolve(shop, ticket)
    assert "A new gateway." in said(visitor.get(path).text)
    assert visitor.do(path, "confirm").status_code == 303
    found = shop.desk.read(ticket["id"])
    assert (found["status"], found["verification"]["method"]) == ("closed", "requester")
    assert visitor.do(path, "rate", score="4", rate="Fast").status_code == 303
    assert visitor.do(path, "rate", score="5").status_code == 303
    rating = shop.desk.read(ticket["id"])["satisfaction"]
    assert (rating["score"], rating["comment"]) == (5, None)
    assert "You gave 5 of 5" in said(visitor.get(path).text)


def test_a_solution_that_does_not_hold_reopens_with_what_is_wrong(
    shop: Shop, visitor: Visitor, ticket: dict[str, Any], path: str
) -> None:
    resolve(shop, ticket)
    assert visitor.do(path, "deny", deny="Still drops").status_code == 303
    found = shop.desk.read(ticket["id"])
    assert found["reopen_count"] == 1
    assert found["status"] == "new"
    assert "Still drops" in [comment["body"] for comment in shop.desk.comments(ticket["id"])]
    types = shop.desk.event_types(ticket["id"])
    assert types[-3:] == ["ticket.verified", "ticket.reopened", "ticket.commented"]
    assert_sound(shop.runtime.database)


def test_a_closed_ticket_is_reopened_in_time_and_followed_up_later(
    shop: Shop, visitor: Visitor, ticket: dict[str, Any], path: str
) -> None:
    resolve(shop, ticket)
    visitor.do(path, "confirm")
    assert "reopen the request until March 8, 2026" in said(visitor.get(path).text)
    assert visitor.do(path, "reopen", reopen="Back again").status_code == 303
    assert shop.desk.read(ticket["id"])["status"] == "new"
    shop.settle()
    resolve(shop, ticket)
    shop.later(days=30)
    made = visitor.do(path, "follow_up", follow_up="Back after weeks")
    assert made.status_code == 303
    new_path = made.headers["Location"].split("?")[0]
    assert new_path != path
    text = said(visitor.get(new_path).text)
    assert "#2" in text
    assert "Back after weeks" in text
    roles = [role for role, _ in shop.desk.links(ticket["id"])]
    assert roles == ["followed_up_by"] or len(roles) == 1


def test_a_ticket_can_be_cancelled(
    shop: Shop, visitor: Visitor, ticket: dict[str, Any], path: str
) -> None:
    assert visitor.do(path, "cancel").status_code == 303
    assert shop.desk.read(ticket["id"])["status"] == "cancelled"
    assert "Cancelled" in said(visitor.get(path).text)
    assert_sound(shop.runtime.database)


def test_open_children_do_not_hinder_a_customer(
    shop: Shop, visitor: Visitor, ticket: dict[str, Any], path: str
) -> None:
    child = shop.desk.ticket(subject="Part of it")
    shop.desk.link(child["id"], "parent", ticket["id"])
    assert visitor.do(path, "cancel").status_code == 303
    assert shop.desk.read(child["id"])["status"] in ("new", "open")


def test_a_double_click_acts_once(
    shop: Shop, visitor: Visitor, ticket: dict[str, Any], path: str
) -> None:
    form = {"token": visitor.token(path), "do": "answer", "answer": "Once"}
    answers = in_threads(6, lambda _: visitor.post(path, dict(form)))
    assert {answer.status_code for answer in answers} == {303}
    assert [comment["body"] for comment in shop.desk.comments(ticket["id"])] == ["Once"]


def test_what_comes_too_late_is_told_and_the_words_are_kept(
    shop: Shop, visitor: Visitor, ticket: dict[str, Any], path: str
) -> None:
    form = {"token": visitor.token(path), "do": "answer", "answer": "My long text"}
    resolve(shop, ticket)
    shop.later(days=10)
    late = visitor.post(path, form | {"token": visitor.token(path)})
    assert late.status_code == 409
    assert "has changed meanwhile" in said(late.text)
    assert "My long text" in late.text
    assert "Make a new request" in late.text


@pytest.mark.parametrize(
    ("form", "wrong"),
    [
        ({"do": "answer", "answer": " "}, "answer"),
        ({"do": "answer", "answer": "x" * 50_001}, "answer"),
        ({"do": "answer", "answer": "a\x00"}, "answer"),
        ({"do": "rate"}, "score"),
        ({"do": "rate", "score": "6"}, "score"),
        ({"do": "rate", "score": "٣"}, "score"),
        ({"do": "rate", "score": "5", "rate": "x" * 5_001}, "rate"),
    ],
)
def test_mistakes_are_told_in_place(
    shop: Shop,
    visitor: Visitor,
    ticket: dict[str, Any],
    path: str,
    form: dict[str, str],
    wrong: str,
) -> None:
    if form["do"] == "rate":
        resolve(shop, ticket)
    before = shop.desk.read(ticket["id"])["version"]
    answer = visitor.post(path, {"token": visitor.token(path), **form})
    assert answer.status_code == 422
    assert set(errors(answer.text)) == {wrong}
    assert shop.desk.read(ticket["id"])["version"] == before


@pytest.mark.parametrize("action", ["", "resolve", "mark_spam", "merge", "__class__"])
def test_customers_have_no_other_actions(visitor: Visitor, path: str, action: str) -> None:
    assert visitor.do(path, action).status_code == 422


def test_actions_that_the_ticket_does_not_offer_change_nothing(
    shop: Shop, visitor: Visitor, ticket: dict[str, Any], path: str
) -> None:
    before = shop.desk.read(ticket["id"])["version"]
    for action, values in (("confirm", {}), ("rate", {"score": "5"}), ("deny", {"deny": "x"})):
        assert visitor.do(path, action, **values).status_code == 409
    assert visitor.do(path, "follow_up", follow_up="x").status_code == 409
    assert shop.desk.read(ticket["id"])["version"] == before


# The link -------------------------------------------------------------------------------------


def test_forged_links_and_links_for_something_else_lead_nowhere(
    shop: Shop, visitor: Visitor, ticket: dict[str, Any], path: str
) -> None:
    signing = shop.desk.app.extensions["patchbay"].signing
    token = path.removeprefix("/t/")
    head, _, tail = token.partition(".")
    flipped = ("A" if head[-1] != "A" else "B").join([head[:-1], "." + tail])
    tokens = [
        "x",
        token[:-1],
        flipped,
        signing.sign("form", [ticket["id"], "n", 0]),
        signing.sign("cursor", ticket["id"]),
        signing.sign("ticket-status", 7),
        signing.sign("ticket-status", "tkt_nothing"),
    ]
    for each in tokens:
        for page in (f"/t/{each}", f"/support/sent/{each}", f"/t/{each}/rate?score=5"):
            answer = visitor.get(page)
            assert answer.status_code == 404, page
            assert ticket["subject"] not in answer.text
        answer = visitor.post(f"/t/{each}", {"do": "cancel", "token": visitor.token(path)})
        assert answer.status_code == 404
    assert shop.desk.read(ticket["id"])["status"] == "open"


def test_a_form_of_one_ticket_does_nothing_to_another(
    shop: Shop, visitor: Visitor, ticket: dict[str, Any], path: str
) -> None:
    other = link(shop.desk, shop.desk.ticket(subject="Another")["id"])
    answer = visitor.post(other, {"do": "cancel", "token": visitor.token(path)})
    assert answer.status_code == 422
    assert "was not opened here" in said(answer.text)


@pytest.mark.parametrize(
    "headers", [{"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}]
)
def test_another_site_cannot_act_for_a_customer(
    shop: Shop,
    visitor: Visitor,
    ticket: dict[str, Any],
    path: str,
    headers: dict[str, str],
) -> None:
    form = {"do": "cancel", "token": visitor.token(path)}
    assert visitor.post(path, form, headers=headers).status_code == 422
    assert shop.desk.read(ticket["id"])["status"] == "open"


def test_rotating_the_signing_keys_revokes_links(shop: Shop, visitor: Visitor, path: str) -> None:
    signing = shop.desk.app.extensions["patchbay"].signing
    signing.rotate(timedelta(days=1), TESTER)
    assert visitor.get(path).status_code == 200
    signing.rotate(timedelta(0), TESTER)
    shop.later(days=2)
    signing._read_at = float("-inf")
    assert visitor.get(path).status_code == 404


def test_the_page_is_kept_nowhere_and_its_address_goes_nowhere(visitor: Visitor, path: str) -> None:
    for page in (path, f"{path}/rate"):
        headers = visitor.get(page).headers
        assert headers["Cache-Control"] == "no-store"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert "noindex" in headers["X-Robots-Tag"]
        assert headers["X-Content-Type-Options"] == "nosniff"


def test_the_link_in_a_mail_rates_nothing_by_being_opened(
    shop: Shop, visitor: Visitor, ticket: dict[str, Any], path: str
) -> None:
    resolve(shop, ticket)
    page = visitor.get(f"{path}/rate?score=5")
    assert 'value="5" checked' in page.text
    assert shop.desk.read(ticket["id"])["satisfaction"] is None
    one_click = {"token": hidden(page.text, "token"), "do": "rate", "score": "5"}
    assert visitor.post(path, one_click).status_code == 303
    assert shop.desk.read(ticket["id"])["satisfaction"]["score"] == 5
    for score in ("0", "9", "x", ""):
        assert visitor.get(f"{path}/rate?score={score}").status_code == 200


# Other people's ---------------------------------------------------------------------------------


def test_a_merged_ticket_tells_the_number_and_hands_nothing_over(
    shop: Shop, visitor: Visitor, ticket: dict[str, Any], path: str
) -> None:
    """Anybody may write in somebody's name; merging must not show them the true one's ticket."""
    forged = shop.desk.ticket(subject="In her name", description="Forged")
    forged_path = link(shop.desk, forged["id"])
    form = {"token": visitor.token(forged_path), "do": "answer", "answer": "x"}
    attached(shop.desk, ticket["id"], ("hers.png", files.png()))
    shop.desk.say(ticket["id"], "Your password is on its way.")
    shop.desk.ok("POST", f"/v1/tickets/{forged['id']}/merge", {"into": ticket["id"]})
    text = visitor.get(forged_path).text
    assert "We go on with it under number #1" in said(text)
    assert "password" not in text
    assert path not in text
    assert visitor.post(forged_path, form).status_code == 409
    # And the other way round: what is merged into a forged one does not show there.
    other = shop.desk.ticket(subject="In her name", description="Forged")
    shop.desk.ok("POST", f"/v1/tickets/{ticket['id']}/merge", {"into": other["id"]})
    page = visitor.get(link(shop.desk, other["id"])).text
    assert "password" not in page
    assert "hers.png" not in page


def test_spam_is_told_nothing(
    shop: Shop, visitor: Visitor, ticket: dict[str, Any], path: str
) -> None:
    form = {"token": visitor.token(path), "do": "reopen", "reopen": "No!"}
    shop.desk.step(ticket["id"], "mark_spam")
    text = said(visitor.get(path).text)
    assert "Closed" in text
    assert "pam" not in text
    assert visitor.post(path, form).status_code == 409


def test_files_are_handed_to_whoever_may_see_them(
    shop: Shop, visitor: Visitor, ticket: dict[str, Any], path: str
) -> None:
    public = uploaded(shop.desk, "public.png", files.png())
    secret = uploaded(shop.desk, "secret.png", files.png())
    shop.desk.say(ticket["id"], "Look", attachments=[public])
    shop.desk.say(ticket["id"], "Hm", attachments=[secret], visibility="internal")
    [own] = attached(shop.desk, ticket["id"], ("desk.png", files.png()))
    page = visitor.get(path).text
    assert "public.png" in page
    assert "secret.png" not in page
    assert "desk.png" not in page
    address = page.split("/files/")[1].split('"')[0]
    with visitor.get(f"{path}/files/{address}") as sent:
        assert sent.data == files.png()
        assert "sandbox" in sent.headers["Content-Security-Policy"]
        assert sent.headers["Referrer-Policy"] == "no-referrer"
    assert visitor.get(f"{path}/files/{own['id']}").status_code == 404
    other = link(shop.desk, shop.desk.ticket()["id"])
    assert visitor.get(f"{other}/files/{address}").status_code == 404


# JSON ------------------------------------------------------------------------------------------


def test_the_twin_in_json_tells_the_same(
    shop: Shop, visitor: Visitor, ticket: dict[str, Any], path: str
) -> None:
    address = f"/v1/public/tickets/{path.removeprefix('/t/')}"
    found = visitor.get(address)
    assert found.headers["Cache-Control"] == "no-store"
    document = found.get_json()
    assert document == {
        "number": 1,
        "submitted_at": ticket["created_at"],
        "status": "in_progress",
        "status_text": "In progress",
        "expected_resolution_at": ticket["expected_resolution_at"],
        "next_steps": [
            "A specialist is working on your request.",
            "We will write to you at your e-mail address when there is news.",
        ],
    }
    russian = Visitor(shop.desk.app, "ru").get(address).get_json()
    assert russian["status_text"] == "В работе"
    resolve(shop, ticket)
    assert visitor.get(address).get_json()["expected_resolution_at"] is None


def test_a_forged_link_is_a_problem_in_json(visitor: Visitor) -> None:
    assert_problem(visitor.get("/v1/public/tickets/forged"), 404, "not-found")


def test_the_link_takes_the_right_to_write(shop: Shop, ticket: dict[str, Any]) -> None:
    reader = Desk(shop.desk.app, create_key(shop.runtime.database, "reader", ["tickets:read"]))
    address = f"/v1/tickets/{ticket['id']}/status-link"
    assert_problem(reader.call("GET", address), 403, "forbidden")
    agent = create_key(shop.runtime.database, "agent", ["tickets:write"], role=Role.AGENT)
    assert Desk(shop.desk.app, agent).call("GET", address).status_code == 200
    assert_problem(shop.desk.call("GET", "/v1/tickets/tkt_x/status-link"), 404, "not-found")
