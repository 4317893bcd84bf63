"""What is said about a ticket, and what that sets in motion."""

import pytest

from tests.fixtures.shops import Shop
from tests.invariants import assert_sound


@pytest.fixture
def agent(shop: Shop) -> str:
    return shop.desk.agent(5, name="Ann Lee")


@pytest.fixture
def ticket(shop: Shop, agent: str) -> str:
    ticket_id = str(shop.desk.ticket()["id"])
    shop.settle()
    return ticket_id


def test_a_comment_is_kept_told_and_listed_in_order(shop: Shop, ticket: str, agent: str) -> None:
    said = [
        shop.desk.say(ticket, "Looking.", author={"kind": "agent", "id": agent}, time_spent_s=90),
        shop.desk.say(ticket, "Smells like DNS.", visibility="internal", time_spent_s=30),
        shop.desk.answer(ticket, "Thank you!"),
    ]
    assert shop.desk.comments(ticket) == said
    assert [c["author"]["kind"] for c in said] == ["agent", "api", "requester"]
    assert [c["author"]["name"] for c in said] == ["Ann Lee", "test", "Mira Petrova"]
    events = [e for e in shop.desk.events(ticket) if e["type"] == "ticket.commented"]
    assert [e["data"]["comment"] for e in events] == said
    assert shop.desk.read(ticket)["time_spent_s"] == 120


def test_comments_are_read_page_by_page_and_one_by_one(shop: Shop, ticket: str) -> None:
    said = [shop.desk.say(ticket, f"Number {n}.") for n in range(5)]
    found, after = [], ""
    while after is not None:
        path = f"/v1/tickets/{ticket}/comments?limit=2&after={after}"
        page = shop.desk.ok("GET", path)
        found += page["items"]
        after = page["next"]
    assert found == said
    assert shop.desk.ok("GET", f"/v1/tickets/{ticket}/comments/{said[0]['id']}") == said[0]


def test_the_location_of_a_new_comment_leads_to_it(shop: Shop, ticket: str) -> None:
    response = shop.desk.call("POST", f"/v1/tickets/{ticket}/comments", {"body": "Hello."})
    assert shop.desk.ok("GET", response.headers["Location"]) == response.get_json()
    assert response.headers["ETag"] == f'"{shop.desk.read(ticket)["version"]}"'


def test_an_answer_of_the_requester_lets_a_pending_ticket_go_on(
    shop: Shop, ticket: str, agent: str
) -> None:
    shop.desk.step(ticket, "ask", note="Which version?")
    shop.desk.answer(ticket, "Version 7.")
    assert shop.desk.read(ticket)["status"] == "open"
    assert shop.desk.assignee(ticket) == agent
    assert shop.desk.event_types(ticket)[-2:] == ["ticket.commented", "ticket.resumed"]


def test_what_the_desk_says_leaves_a_pending_ticket_pending(shop: Shop, ticket: str) -> None:
    shop.desk.step(ticket, "ask")
    shop.desk.say(ticket, "Any news?")
    assert shop.desk.read(ticket)["status"] == "pending_customer"


@pytest.mark.parametrize("end", [["resolve"], ["resolve", "close"], ["cancel"]])
def test_an_answer_reopens_a_ticket_that_was_over(
    shop: Shop, ticket: str, agent: str, end: list[str]
) -> None:
    for step in end:
        shop.desk.step(ticket, step)
    shop.desk.answer(ticket, "It is back.")
    assert shop.desk.read(ticket)["status"] == "new"
    shop.settle()
    assert shop.desk.assignee(ticket) == agent
    assert_sound(shop.runtime.database)


def test_an_answer_that_comes_too_late_is_told_to_follow_up(shop: Shop, ticket: str) -> None:
    requester = shop.desk.as_requester(shop.runtime.database, ticket)
    shop.desk.step(ticket, "resolve")
    shop.later(days=30)
    said = requester.call("POST", f"/v1/tickets/{ticket}/comments", {"body": "Again!"})
    assert said.status_code == 409
    assert said.get_json()["follow_up"] is True
    assert shop.desk.comments(ticket) == []


def test_requesters_neither_see_nor_write_internal_comments(shop: Shop, ticket: str) -> None:
    secret = shop.desk.say(ticket, "An idiot.", visibility="internal")
    shop.desk.say(ticket, "We are on it.")
    requester = shop.desk.as_requester(shop.runtime.database, ticket)
    assert [c["body"] for c in requester.comments(ticket)] == ["We are on it."]
    hidden = requester.call("GET", f"/v1/tickets/{ticket}/comments/{secret['id']}")
    assert hidden.status_code == 404
    mine = requester.say(ticket, "Thanks.", author={"kind": "api"})
    assert mine["author"]["kind"] == "requester"
    said = {"body": "x", "author": {"kind": "requester"}, "visibility": "internal"}
    assert shop.desk.call("POST", f"/v1/tickets/{ticket}/comments", said).status_code == 422


IMPOSSIBLE_COMMENTS = [
    ({}, "/body"),
    ({"body": ""}, "/body"),
    ({"body": "x" * 100_001}, "/body"),
    ({"body": "a\x00b"}, "/body"),
    ({"body": "x", "time_spent_s": -1}, "/time_spent_s"),
    ({"body": "x", "time_spent_s": 1.5}, "/time_spent_s"),
    ({"body": "x", "author": {"kind": "agent"}}, "/author/id"),
    ({"body": "x", "author": {"kind": "agent", "id": "agt_nobody"}}, "/author/id"),
    ({"body": "x", "author": {"kind": "god"}}, "/author/kind"),
    ({"body": "x", "visibility": "secret"}, "/visibility"),
    ({"body": "x", "colour": "red"}, "/colour"),
]


def test_a_comment_that_cannot_be_is_refused(
    shop: Shop, ticket: str, subtests: pytest.Subtests
) -> None:
    for body, pointer in IMPOSSIBLE_COMMENTS:
        with subtests.test(body=body):
            response = shop.desk.call("POST", f"/v1/tickets/{ticket}/comments", body)
            assert response.status_code == 422
            assert [error["pointer"] for error in response.get_json()["errors"]] == [pointer]
            assert shop.desk.comments(ticket) == []


def test_text_is_kept_as_it_was_given(shop: Shop, ticket: str) -> None:
    text = "<script>alert(1)</script> =cmd|'/c calc'!A1 \u202e мир 🙂\r\n\ttab"
    assert shop.desk.say(ticket, text)["body"] == text
    assert shop.desk.comments(ticket)[0]["body"] == text


def test_a_comment_on_no_ticket_is_404(shop: Shop) -> None:
    path = "/v1/tickets/tkt_none/comments"
    assert shop.desk.call("POST", path, {"body": "x"}).status_code == 404
    assert shop.desk.call("GET", path).status_code == 404
