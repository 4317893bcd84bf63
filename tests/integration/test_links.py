"""Tickets that belong together: links, merging."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from shared.db.ticket_changes import links
from tests.attaching import listed
from tests.fixtures.shops import Shop
from tests.invariants import assert_sound
from tests.problems import assert_problem


@pytest.fixture
def tickets(shop: Shop) -> list[str]:
    shop.desk.agent(20)
    made = [str(shop.desk.ticket(subject=f"Number {n}")["id"]) for n in range(4)]
    shop.settle()
    return made


def refused(shop: Shop, ticket: str, body: dict[str, Any]) -> Any:
    response = shop.desk.call("POST", f"/v1/tickets/{ticket}/links", body)
    assert 400 <= response.status_code < 500
    return response


@pytest.mark.parametrize(
    ("kind", "here", "there"),
    [
        ("related", "related", "related"),
        ("parent", "parent", "child"),
        ("duplicate", "duplicate_of", "duplicated_by"),
        ("follow_up", "follow_up_of", "followed_up_by"),
    ],
)
def test_both_tickets_know_a_link_and_tell_it(
    shop: Shop, tickets: list[str], kind: str, here: str, there: str
) -> None:
    one, other = tickets[:2]
    shop.desk.link(one, kind, other)
    shop.desk.link(one, kind, other)
    assert shop.desk.links(one) == [(here, other)]
    assert shop.desk.links(other) == [(there, one)]
    for ticket, role in ((one, here), (other, there)):
        told = [e for e in shop.desk.events(ticket) if e["type"] == "ticket.linked"]
        assert [e["data"]["link"]["role"] for e in told] == [role]
    ok = shop.desk.call("DELETE", f"/v1/tickets/{one}/links/{kind}/{other}")
    assert ok.status_code == 204
    assert shop.desk.links(one) == shop.desk.links(other) == []
    assert shop.desk.event_types(other)[-1] == "ticket.unlinked"
    gone = shop.desk.call("DELETE", f"/v1/tickets/{one}/links/{kind}/{other}")
    assert gone.status_code == 404


def test_related_is_the_same_from_either_side(shop: Shop, tickets: list[str]) -> None:
    one, other = tickets[:2]
    shop.desk.link(one, "related", other)
    shop.desk.link(other, "related", one)
    assert shop.desk.links(one) == [("related", other)]


def test_links_show_what_the_others_are(shop: Shop, tickets: list[str]) -> None:
    one = tickets[0]
    for other in reversed(tickets[1:]):
        shop.desk.link(one, "related", other)
    items = shop.desk.ok("GET", f"/v1/tickets/{one}/links")["items"]
    assert [(i["ticket_id"], i["subject"], i["status"]) for i in items] == [
        (ticket, f"Number {n}", "open") for n, ticket in enumerate(tickets[1:], start=1)
    ]


def test_nobody_has_two_parents_or_is_their_own_ancestor(shop: Shop, tickets: list[str]) -> None:
    child, parent, grandparent, other = tickets
    shop.desk.link(child, "parent", parent)
    shop.desk.link(parent, "parent", grandparent)
    second = refused(shop, child, {"kind": "parent", "ticket_id": other}).get_json()
    assert (second["status"], second["parent"]) == (409, parent)
    circle = refused(shop, grandparent, {"kind": "parent", "ticket_id": child})
    assert "own ancestor" in circle.get_json()["detail"]
    myself = refused(shop, child, {"kind": "related", "ticket_id": child})
    assert myself.status_code == 409


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"kind": "related", "ticket_id": "tkt_none"}, "/ticket_id"),
        ({"kind": "merged", "ticket_id": "tkt_none"}, "/kind"),
        ({"kind": "cousin", "ticket_id": "tkt_none"}, "/kind"),
        ({"kind": "related"}, "/ticket_id"),
    ],
)
def test_a_link_that_cannot_be_is_refused(
    shop: Shop, tickets: list[str], body: dict[str, Any], pointer: str
) -> None:
    response = refused(shop, tickets[0], body)
    assert response.status_code == 422
    assert [error["pointer"] for error in response.get_json()["errors"]] == [pointer]


def test_a_merged_ticket_becomes_part_of_the_other(shop: Shop, tickets: list[str]) -> None:
    source, target = tickets[:2]
    [agent] = {shop.desk.assignee(ticket) for ticket in tickets}
    first = shop.desk.answer(source, "Me too.")
    shop.desk.say(source, "Looking.", time_spent_s=60)
    merged = shop.desk.ok("POST", f"/v1/tickets/{source}/merge", {"into": target})
    assert (merged["id"], merged["time_spent_s"]) == (target, 60)
    gone = shop.desk.read(source)
    assert (gone["status"], gone["merged_into_id"]) == ("merged", target)
    comments = shop.desk.comments(target)
    assert [c["body"] for c in comments[:2]] == ["Me too.", "Looking."]
    assert comments[0] == {**first, "ticket_id": target, "merged_from_id": source}
    assert "Number 0" in comments[2]["body"]
    assert shop.desk.links(source) == [("merged_into", target)]
    assert shop.desk.links(target) == [("merged_from", source)]
    assert shop.desk.event_types(source)[-1] == "ticket.merged"
    assert shop.desk.read_agent(str(agent))["load"] == 3
    assert_sound(shop.runtime.database)


def test_a_merged_ticket_takes_no_files(shop: Shop, tickets: list[str]) -> None:
    source, target = tickets[:2]
    shop.desk.ok("POST", f"/v1/tickets/{source}/merge", {"into": target})
    body = {"kind": "link", "url": "https://files.example.com/a"}
    response = shop.desk.call("POST", f"/v1/tickets/{source}/attachments", body)
    problem = assert_problem(response, 409, "conflict")
    assert problem["merged_into"] == target


def test_what_is_said_under_a_merged_ticket_is_told_where_to_say_it(
    shop: Shop, tickets: list[str]
) -> None:
    source, target = tickets[:2]
    shop.desk.ok("POST", f"/v1/tickets/{source}/merge", {"into": target})
    late = shop.desk.call("POST", f"/v1/tickets/{source}/comments", {"body": "Hello?"})
    assert (late.status_code, late.get_json()["merged_into"]) == (409, target)
    again = shop.desk.call("POST", f"/v1/tickets/{source}/merge", {"into": tickets[2]})
    assert again.status_code == 409


@pytest.mark.parametrize("into", ["itself", "nothing"])
def test_a_merge_that_cannot_be_is_refused(shop: Shop, tickets: list[str], into: str) -> None:
    target = {"itself": tickets[0], "nothing": "tkt_none"}[into]
    response = shop.desk.call("POST", f"/v1/tickets/{tickets[0]}/merge", {"into": target})
    assert response.status_code == {"itself": 409, "nothing": 422}[into]
    assert shop.desk.read(tickets[0])["status"] == "open"


def test_links_made_at_once_close_no_circle(shop: Shop) -> None:
    for _ in range(8):
        ring = [str(shop.desk.ticket()["id"]) for _ in range(4)]
        shop.desk.link(ring[0], "parent", ring[1])
        shop.desk.link(ring[2], "parent", ring[3])

        def close(child: str, parent: str) -> int:
            body = {"kind": "parent", "ticket_id": parent}
            return shop.desk.call("POST", f"/v1/tickets/{child}/links", body).status_code

        with ThreadPoolExecutor(2) as pool:
            statuses = list(pool.map(close, (ring[1], ring[3]), (ring[2], ring[0])))
        assert sorted(statuses) == [204, 409]


def test_a_family_that_is_closed_while_it_is_linked_waits_in_no_circle(shop: Shop) -> None:
    for _ in range(8):
        child, parent = sorted(str(shop.desk.ticket()["id"]) for _ in range(2))
        shop.desk.link(child, "parent", parent)

        def resolve(parent: str = parent) -> int:
            body = {"transition": "resolve", "children": "force"}
            path = f"/v1/tickets/{parent}/transitions"
            return shop.desk.call("POST", path, body).status_code

        def relate(child: str = child, parent: str = parent) -> int:
            body = {"kind": "related", "ticket_id": parent}
            path = f"/v1/tickets/{child}/links"
            return shop.desk.call("POST", path, body).status_code

        with ThreadPoolExecutor(2) as pool:
            statuses = [each.result() for each in (pool.submit(resolve), pool.submit(relate))]
        assert statuses == [200, 204]
    assert_sound(shop.runtime.database)


def test_nothing_is_merged_into_what_is_over(shop: Shop, tickets: list[str]) -> None:
    source, target = tickets[:2]
    shop.desk.step(target, "resolve")
    response = shop.desk.call("POST", f"/v1/tickets/{source}/merge", {"into": target})
    assert (response.status_code, response.get_json()["ticket_status"]) == (409, "resolved")
    assert shop.desk.read(source)["status"] == "open"


def test_what_was_said_to_another_requester_stays_internal(shop: Shop, tickets: list[str]) -> None:
    other = {"name": "Ann Lee", "email": "ann@example.com"}
    source = str(shop.desk.ticket(requester=other)["id"])
    shop.desk.say(source, "Your password was reset.")
    shop.desk.ok("POST", f"/v1/tickets/{source}/merge", {"into": tickets[0]})
    assert {c["visibility"] for c in shop.desk.comments(tickets[0])} == {"internal"}


def test_a_merged_ticket_is_not_edited(shop: Shop, tickets: list[str]) -> None:
    source, target = tickets[:2]
    shop.desk.ok("POST", f"/v1/tickets/{source}/merge", {"into": target})
    response = shop.desk.call("PATCH", f"/v1/tickets/{source}", {"tags": ["late"]})
    assert (response.status_code, response.get_json()["merged_into"]) == (409, target)


def test_files_of_another_requesters_ticket_stay_inside_when_it_is_merged(shop: Shop) -> None:
    desk = shop.desk
    tom = desk.ticket(requester={"name": "Tom Berg", "email": "tom@example.com"})["id"]
    mira = desk.ticket()["id"]
    link = {"kind": "link", "url": "https://files.example.com/tom"}
    file = desk.ok("POST", f"/v1/tickets/{tom}/attachments", link)["items"][0]["id"]
    desk.ok("POST", f"/v1/tickets/{tom}/merge", {"into": mira})
    requester = desk.as_requester(shop.runtime.database, mira)
    assert [each["id"] for each in listed(desk, mira)] == [file]
    assert listed(requester, mira) == []
    assert requester.call("GET", f"/v1/attachments/{file}").status_code == 404


def test_children_of_a_merged_ticket_go_to_the_one_that_is_left(
    shop: Shop, tickets: list[str]
) -> None:
    source, target, child, grandchild = tickets
    shop.desk.link(child, "parent", source)
    shop.desk.link(grandchild, "parent", child)
    shop.desk.ok("POST", f"/v1/tickets/{source}/merge", {"into": target})
    assert sorted(shop.desk.links(target)) == [("child", child), ("merged_from", source)]
    assert ("parent", target) in shop.desk.links(child)
    told = shop.desk.events(child)[-1]
    assert (told["type"], told["data"]["link"]["ticket_id"]) == ("ticket.linked", target)
    assert_sound(shop.runtime.database)


@pytest.mark.parametrize("steps", [1, 2])
def test_a_ticket_that_its_ancestor_is_merged_into_takes_the_ancestors_place(
    shop: Shop, tickets: list[str], steps: int
) -> None:
    top, source, middle, low = tickets
    target = (middle, low)[steps - 1]
    for child, parent in ((source, top), (middle, source), (low, middle)):
        shop.desk.link(child, "parent", parent)
    shop.desk.ok("POST", f"/v1/tickets/{source}/merge", {"into": target})
    assert ("parent", top) in shop.desk.links(target)
    other = {middle, low} - {target}
    assert [("parent", target) in shop.desk.links(each) for each in other] == [True]
    assert ("child", target) not in shop.desk.links(target)


def test_merging_keeps_to_the_limit_of_links(
    shop: Shop, tickets: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    source, target, child, other = tickets
    shop.desk.link(child, "parent", source)
    shop.desk.link(target, "related", other)
    monkeypatch.setattr(links, "MAX_LINKS", 2)
    response = shop.desk.call("POST", f"/v1/tickets/{source}/merge", {"into": target})
    assert "limit of 2" in assert_problem(response, 409, "conflict")["detail"]
    assert shop.desk.read(source)["status"] == "open"
    monkeypatch.setattr(links, "MAX_LINKS", 3)
    shop.desk.ok("POST", f"/v1/tickets/{source}/merge", {"into": target})


@pytest.mark.parametrize("mode", ["embedded"], indirect=True)
def test_nothing_follows_what_was_merged_or_is_spam(shop: Shop, tickets: list[str]) -> None:
    source, target, spam, _ = tickets
    shop.desk.ok("POST", f"/v1/tickets/{source}/merge", {"into": target})
    shop.desk.step(spam, "mark_spam")
    for ticket in (source, spam):
        path = f"/v1/tickets/{ticket}/follow-ups"
        assert_problem(shop.desk.call("POST", path, {"description": "x"}), 409, "conflict")
