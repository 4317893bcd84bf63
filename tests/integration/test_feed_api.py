"""GET /v1/events: pages that go on, cursors that are refused, who may read."""

from collections.abc import Callable
from typing import Any

import pytest

from services.intake.api import opaque_cursor
from shared.db.engine import Database
from shared.domain.role import Role
from tests.api_keys import create_key
from tests.desk import Desk
from tests.feed import settled
from tests.problems import assert_problem


def pages(desk: Desk, limit: int, **query: str) -> tuple[list[dict[str, Any]], str]:
    """Read the feed to its present end; return the events and the last cursor."""
    settled(desk.app.extensions["patchbay"].database)
    found: list[dict[str, Any]] = []
    after, more = query.pop("after", ""), True
    while more:
        given = {"limit": limit, "after": after, **query}
        page = desk.ok("GET", "/v1/events", query_string=given)
        assert len(page["items"]) <= limit
        found += page["items"]
        after, more = page["next"], page["more"]
    return found, after


def test_a_follower_gets_every_event_once(desk: Desk) -> None:
    first, second = desk.ticket(), desk.ticket()
    events, cursor = pages(desk, 1)
    assert [event["data"]["ticket"]["id"] for event in events] == [first["id"], second["id"]]
    assert pages(desk, 1, after=cursor) == ([], cursor)
    desk.say(first["id"], "Which version?")
    [said], _ = pages(desk, 10, after=cursor)
    assert said == desk.events(first["id"])[-1]


def test_the_feed_can_be_followed_from_now_on(desk: Desk) -> None:
    desk.ticket()
    events, cursor = pages(desk, 10, after="latest")
    assert events == []
    ticket = desk.ticket()
    [event], _ = pages(desk, 10, after=cursor)
    assert event["data"]["ticket"]["id"] == ticket["id"]


def test_types_and_tickets_can_be_chosen(desk: Desk) -> None:
    ticket, other = desk.ticket()["id"], desk.ticket()["id"]
    desk.say(ticket, "One")
    desk.say(other, "Two")
    said, _ = pages(desk, 10, type="ticket.commented,ticket.resolved")
    assert [event["data"]["comment"]["body"] for event in said] == ["One", "Two"]
    of_one, _ = pages(desk, 1, ticket_id=ticket)
    assert [event["sequence"] for event in of_one] == [1, 2]
    of_both, _ = pages(desk, 10, ticket_id=other, type="ticket.commented")
    assert [event["data"]["comment"]["body"] for event in of_both] == ["Two"]


FORGED = {
    "no text of ours": "nonsense",
    "no base64": "%%%",
    "no list": opaque_cursor.encode("event feed", ())[:8],
    "another kind": opaque_cursor.encode("search", (1, "tkt_1", 1)),
    "too few parts": opaque_cursor.encode("event feed", (1,)),
    "another type": opaque_cursor.encode("event feed", ("1", "tkt_1", 1)),
    "beyond 64 bits": opaque_cursor.encode("event feed", (2**63, "tkt_1", 1)),
    "a NUL character": opaque_cursor.encode("event feed", (1, "\x00", 1)),
    "an endless one": "A" * 10_000,
    "not ASCII": "тикет",
}


@pytest.mark.parametrize("path", ["/v1/events", "/v1/events/stream"])
@pytest.mark.parametrize("what", list(FORGED))
@pytest.mark.parametrize("mode", ["embedded"], indirect=True)
def test_a_cursor_that_is_not_ours_is_refused(desk: Desk, path: str, what: str) -> None:
    response = desk.call("GET", path, query_string={"after": FORGED[what]})
    problem = assert_problem(response, 422, "invalid-input")
    assert problem["errors"][0]["pointer"] == "/query/after"
    assert "no cursor of the event feed" in problem["detail"]


@pytest.mark.parametrize("mode", ["embedded"], indirect=True)
def test_a_last_event_id_that_is_not_ours_is_refused(desk: Desk) -> None:
    response = desk.call("GET", "/v1/events/stream", headers={"Last-Event-ID": "1"})
    problem = assert_problem(response, 422, "invalid-input")
    assert problem["errors"][0]["pointer"] == "/headers/Last-Event-ID"


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ({"type": "ticket.exploded"}, "/query/type"),
        ({"ticket_id": "1"}, "/query/ticket_id"),
        ({"limit": "0"}, "/query/limit"),
        ({"limit": "201"}, "/query/limit"),
        ({"since": "1"}, "/query/since"),
    ],
)
@pytest.mark.parametrize("mode", ["embedded"], indirect=True)
def test_a_wrong_query_is_refused_with_its_place(
    desk: Desk, query: dict[str, str], pointer: str
) -> None:
    problem = assert_problem(
        desk.call("GET", "/v1/events", query_string=query), 422, "invalid-input"
    )
    assert [error["pointer"] for error in problem["errors"]] == [pointer]


@pytest.mark.parametrize("path", ["/v1/events", "/v1/events/stream"])
@pytest.mark.parametrize("mode", ["embedded"], indirect=True)
def test_only_keys_of_staff_with_the_scope_read_the_feed(
    desk: Desk, database: Database, path: str
) -> None:
    desk.token = create_key(database, "other", ["tickets:read"])
    problem = assert_problem(desk.call("GET", path), 403, "forbidden")
    assert problem["scope"] == "events:read"
    for role in (Role.REQUESTER, Role.INGEST):
        desk.token = create_key(database, role.value, ["events:read"], role=role)
        problem = assert_problem(desk.call("GET", path), 403, "forbidden")
        assert problem["role"] == role.value
    desk.token = create_key(database, "agent", ["events:read"], role=Role.AGENT)
    response = desk.call("GET", path, buffered=False)
    assert response.status_code == 200
    response.close()


@pytest.mark.parametrize("mode", ["embedded"], indirect=True)
def test_two_processes_show_the_same_feed(desk: Desk, new_desk: Callable[..., Desk]) -> None:
    desk.ticket()
    assert pages(new_desk(), 10) == pages(desk, 10)
