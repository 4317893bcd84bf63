"""Tickets by the id that another system has for them: PUT makes one or changes it."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import func, select

from shared.db.engine import Database
from shared.db.models import Ticket
from shared.db.models.base import table
from tests.desk import Desk, ticket_body
from tests.invariants import assert_sound
from tests.problems import assert_problem
from tests.waiting import in_threads

URL = "/v1/tickets/by-external-id/crm/case-7"


def number_of_tickets(database: Database) -> int:
    with database.reading() as connection:
        return int(connection.execute(select(func.count()).select_from(table(Ticket))).scalar_one())


def test_a_put_makes_a_ticket_and_the_next_one_changes_it(desk: Desk, database: Database) -> None:
    made = desk.call("PUT", URL, ticket_body(category="vpn", custom_fields={"a": 1, "b": None}))
    ticket = made.get_json()
    assert (made.status_code, made.headers["ETag"]) == (201, '"1"')
    assert made.headers["Location"] == f"/v1/tickets/{ticket['id']}"
    assert (ticket["source"], ticket["external_id"]) == ("crm", "case-7")
    assert ticket["custom_fields"] == {"a": 1}
    changed = desk.call("PUT", URL, ticket_body(subject="other", custom_fields={"c": 2}))
    assert (changed.status_code, changed.headers["ETag"]) == (200, '"2"')
    document = changed.get_json()
    assert (document["id"], document["subject"]) == (ticket["id"], "other")
    assert document["category"] == "vpn"
    assert document["custom_fields"] == {"a": 1, "c": 2}
    assert desk.event_types(ticket["id"]) == ["ticket.created", "ticket.updated"]
    assert number_of_tickets(database) == 1


def test_the_same_put_again_changes_nothing(desk: Desk) -> None:
    body = ticket_body(custom_fields={"a": 1, "b": None}, tags=["x"])
    ticket = desk.ok("PUT", URL, body)
    assert desk.ok("PUT", URL, body)["version"] == 1
    assert desk.event_types(ticket["id"]) == ["ticket.created"]


def test_a_get_on_the_same_path_reads_it(desk: Desk) -> None:
    assert_problem(desk.call("GET", URL), 404, "not-found")
    made = desk.ok("PUT", URL, ticket_body())
    response = desk.call("GET", URL)
    assert (response.get_json(), response.headers["ETag"]) == (made, '"1"')
    assert desk.call("GET", URL, headers={"If-None-Match": '"1"'}).status_code == 304


def test_each_source_has_its_own_ids_and_a_post_is_of_the_api(desk: Desk) -> None:
    posted = desk.ticket(external_id="case-7")
    assert posted["source"] == "api"
    other = desk.ok("PUT", URL, ticket_body())
    assert other["id"] != posted["id"]
    same = desk.call("POST", "/v1/tickets", ticket_body(source="crm", external_id="case-7"))
    assert assert_problem(same, 409, "conflict")["ticket_id"] == other["id"]
    found = desk.ok("GET", "/v1/tickets/by-external-id/api/case-7")
    assert found["id"] == posted["id"]


@pytest.mark.parametrize("external_id", ["a/b", "%D0%B7%D0%B0%D1%8F%D0%B2%D0%BA%D0%B0", "a%20b%3F"])
def test_an_external_id_may_hold_anything_a_path_can(desk: Desk, external_id: str) -> None:
    url = f"/v1/tickets/by-external-id/crm/{external_id}"
    assert desk.ok("PUT", url, ticket_body())["id"] == desk.ok("GET", url)["id"]


def test_conditions_say_only_make_and_only_change(desk: Desk, database: Database) -> None:
    only_change, only_make = {"If-Match": "*"}, {"If-None-Match": "*"}
    absent = desk.call("PUT", URL, ticket_body(), headers=only_change)
    assert_problem(absent, 412, "version-mismatch")
    assert number_of_tickets(database) == 0
    assert desk.call("PUT", URL, ticket_body(), headers=only_make).status_code == 201
    there = desk.call("PUT", URL, ticket_body(subject="b"), headers=only_make)
    assert_problem(there, 412, "version-mismatch")
    stale = desk.call("PUT", URL, ticket_body(subject="b"), headers={"If-Match": '"7"'})
    assert_problem(stale, 412, "version-mismatch")
    assert desk.call("PUT", URL, ticket_body(), headers=only_change).status_code == 200


@pytest.mark.parametrize(
    ("path", "pointer"),
    [("Not%20a%20slug/7", "/path/source"), (f"crm/{'x' * 256}", "/path/external_id")],
)
def test_a_path_that_names_no_possible_ticket_is_refused(
    desk: Desk, path: str, pointer: str
) -> None:
    response = desk.call("PUT", f"/v1/tickets/by-external-id/{path}", ticket_body())
    assert_problem(response, 422, "invalid-input", [pointer])


def test_the_name_is_in_the_path_alone(desk: Desk) -> None:
    body = ticket_body(source="crm", external_id="case-7")
    response = desk.call("PUT", URL, body)
    assert_problem(response, 422, "invalid-input", ["/source", "/external_id"])


def put_at_once(
    desk: Desk, new_desk: Callable[..., Desk], headers: dict[str, str]
) -> list[tuple[int, str]]:
    desks = [desk, new_desk()]

    def put(index: int) -> tuple[int, str]:
        response = desks[index % 2].call("PUT", URL, ticket_body(), headers=headers)
        document: Any = response.get_json()
        return response.status_code, document.get("id", document.get("detail"))

    return in_threads(200, put)


def test_two_hundred_at_once_over_two_processes_make_one_ticket(
    desk: Desk, new_desk: Callable[..., Desk], database: Database
) -> None:
    answers = put_at_once(desk, new_desk, {})
    assert sorted(status for status, _ in answers) == [200] * 199 + [201]
    assert len({ticket_id for _, ticket_id in answers}) == 1
    assert number_of_tickets(database) == 1
    assert_sound(database)


def test_two_hundred_at_once_with_one_key_all_hear_that_it_was_made(
    desk: Desk, new_desk: Callable[..., Desk], database: Database
) -> None:
    answers = put_at_once(desk, new_desk, {"Idempotency-Key": "k1"})
    assert {status for status, _ in answers} == {201}
    assert len({ticket_id for _, ticket_id in answers}) == 1
    assert number_of_tickets(database) == 1
