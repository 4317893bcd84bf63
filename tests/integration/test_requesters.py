"""Requesters over the API: found or made by tickets, changed, listed, with their history."""

from collections.abc import Callable
from typing import Any

import pytest

from shared.db import ticket_changes
from shared.db.engine import Database
from shared.db.models import Requester, RequesterIdentity
from tests.desk import Desk, ticket_body
from tests.factories import NOW, ticket_content
from tests.problems import assert_problem
from tests.rows import rows
from tests.waiting import in_threads

MIRA = {"name": "Mira Petrova", "email": "mira@example.com"}


def sent(desk: Desk, **requester: Any) -> dict[str, Any]:
    """Send a ticket; return its requester as the ticket shows it."""
    return dict(desk.ticket(requester=requester)["requester"])


def profile(desk: Desk, requester_id: str) -> dict[str, Any]:
    return dict(desk.ok("GET", f"/v1/requesters/{requester_id}"))


def made(desk: Desk, **content: Any) -> str:
    return str(desk.ok("POST", "/v1/requesters", content)["id"])


def addresses(desk: Desk, requester_id: str) -> set[str]:
    return {each["value"] for each in profile(desk, requester_id)["identities"]}


# Found or made by tickets -------------------------------------------------------------------------


def test_a_first_ticket_makes_a_requester_and_a_second_finds_them(desk: Desk) -> None:
    first = sent(desk, **MIRA, phone="+44 20 7946 0000", locale="en", time_zone="Europe/London")
    assert first["id"].startswith("rqr_")
    again = sent(desk, email="MIRA@Example.COM")
    assert again == {"id": first["id"], "email": "MIRA@Example.COM"}
    by_phone = sent(desk, name="Mira Petrova", phone="+44 (0)20 79460000")
    assert by_phone["id"] == first["id"]
    kept = profile(desk, first["id"])
    assert kept["name"] == "Mira Petrova"
    assert (kept["phone"], kept["phone_e164"]) == ("+44 20 7946 0000", "+442079460000")
    assert (kept["locale"], kept["time_zone"]) == ("en", "Europe/London")
    assert kept["identities"] == [
        {"kind": "email", "value": "mira@example.com"},
        {"kind": "phone", "value": "+442079460000"},
    ]


def test_nothing_is_written_where_nothing_is_new(desk: Desk, database: Database) -> None:
    requester = sent(desk, **MIRA, contacts=[{"type": "telegram", "value": "@mira"}])
    before = rows(database, Requester)
    sent(desk, **MIRA, contacts=[{"type": "telegram", "value": "@mira"}])
    sent(desk, email="mira@example.com", name=None)
    desk.ticket(requester={"id": requester["id"]})
    assert rows(database, Requester) == before


def test_what_is_new_is_noted_and_what_is_left_out_stays(desk: Desk) -> None:
    requester_id = sent(desk, email="mira@example.com")["id"]
    sent(desk, email="mira@example.com", name="Mira", external_id="crm-1", locale="ru")
    sent(desk, external_id="crm-1", name="Mira Petrova", contacts=[{"type": "sip", "value": "12"}])
    kept = profile(desk, requester_id)
    assert (kept["name"], kept["locale"], kept["external_id"]) == ("Mira Petrova", "ru", "crm-1")
    assert kept["contacts"] == [{"type": "sip", "value": "12"}]
    assert kept["version"] == 3


def test_who_is_known_by_the_telephone_alone_is_not_renamed(desk: Desk) -> None:
    requester_id = sent(desk, **MIRA, phone="+442079460000")["id"]
    assert sent(desk, name="Ann", phone="+442079460000")["id"] == requester_id
    assert profile(desk, requester_id)["name"] == "Mira Petrova"


def test_of_two_requesters_the_one_with_the_email_wins_and_nobody_is_merged(desk: Desk) -> None:
    mira = sent(desk, **MIRA)["id"]
    ann = sent(desk, name="Ann", phone="+442079460000")["id"]
    both = sent(desk, email="mira@example.com", phone="+44 20 7946 0000")
    assert both == {"id": mira, "email": "mira@example.com", "phone": "+44 20 7946 0000"}
    assert addresses(desk, mira) == {"mira@example.com"}
    assert addresses(desk, ann) == {"+442079460000"}
    assert profile(desk, mira)["phone"] is None


def test_a_new_email_from_a_known_office_telephone_is_somebody_else(desk: Desk) -> None:
    mira = sent(desk, **MIRA, phone="+442079460000")["id"]
    colleague = sent(desk, email="ann@example.com", phone="+442079460000")["id"]
    assert colleague != mira
    assert addresses(desk, colleague) == {"ann@example.com"}


def test_who_was_known_by_telephone_gets_the_email_they_write_from(desk: Desk) -> None:
    caller = sent(desk, name="Mira", phone="+442079460000")["id"]
    assert sent(desk, email="mira@example.com", phone="+442079460000")["id"] == caller
    assert addresses(desk, caller) == {"mira@example.com", "+442079460000"}


def test_a_number_that_cannot_be_parsed_is_kept_and_finds_nobody(desk: Desk) -> None:
    first, second = (sent(desk, phone="withheld") for _ in range(2))
    assert first["phone"] == "withheld"
    assert first["id"] != second["id"]
    kept = profile(desk, first["id"])
    assert (kept["phone"], kept["phone_e164"], kept["identities"]) == ("withheld", None, [])


def test_a_requester_has_a_bounded_number_of_addresses(desk: Desk) -> None:
    for number in range(30):
        requester = sent(desk, email="mira@example.com", phone=f"+4420794600{number:02d}")
        assert requester["phone"] == f"+4420794600{number:02d}"
    assert len(addresses(desk, requester["id"])) == 20


def test_what_is_said_of_the_user_is_kept_on_the_ticket(desk: Desk) -> None:
    said = {"organization": "Example Ltd", "about": "Works nights; the only one with the key."}
    ticket = desk.ticket(requester={"email": "mira@example.com", **said})
    assert said.items() <= desk.read(ticket["id"])["requester"].items()
    assert desk.events(ticket["id"])[0]["data"]["ticket"]["requester"]["about"] == said["about"]


def test_a_ticket_may_name_its_requester_by_the_id_alone(desk: Desk) -> None:
    known = sent(desk, **MIRA, locale="ru")
    ticket = desk.ticket(requester={"id": known["id"]})
    assert ticket["requester"] == known
    assert ticket["language"] == "ru"


def test_an_id_that_is_nobodys_is_refused_and_its_neighbours_are_stored(desk: Desk) -> None:
    unknown = "rqr_" + "0" * 32

    def post(index: int) -> int:
        requester = {"id": unknown} if index % 5 == 0 else MIRA
        response = desk.call("POST", "/v1/tickets", ticket_body(requester=requester))
        if index % 5 == 0:
            assert_problem(response, 422, "invalid-input", ["/requester/id"])
        return response.status_code

    assert in_threads(20, post).count(201) == 16


IMPOSSIBLE_REQUESTERS = [
    ({"id": "rqr_1"}, ["/requester/id"]),
    ({"id": "rqr_" + "0" * 32, "name": "n"}, ["/requester"]),
    ({"id": None}, ["/requester/id"]),
    ({}, ["/requester"]),
    ({"name": "n", "locale": "english please"}, ["/requester/locale"]),
    ({"name": "n", "locale": "pt_BR"}, ["/requester/locale"]),
    ({"name": "n", "time_zone": "Mars/Olympus"}, ["/requester/time_zone"]),
    ({"external_id": ""}, ["/requester/external_id"]),
    ({"external_id": "a\x00b"}, ["/requester/external_id"]),
    ({"external_id": "x" * 256}, ["/requester/external_id"]),
]


def test_a_requester_that_cannot_be_is_refused(desk: Desk, subtests: pytest.Subtests) -> None:
    for requester, pointers in IMPOSSIBLE_REQUESTERS:
        with subtests.test(requester=requester):
            response = desk.call("POST", "/v1/tickets", ticket_body(requester=requester))
            assert_problem(response, 422, "invalid-input", pointers)


def test_two_hundred_first_tickets_over_two_processes_make_one_requester(
    desk: Desk, new_desk: Callable[..., Desk], database: Database
) -> None:
    desks = [desk, new_desk()]

    def post(index: int) -> str:
        phone = f"+44207946{index % 7:04d}"
        requester = {"name": "Mira", "email": "mira@example.com", "phone": phone}
        return str(desks[index % 2].ticket(requester=requester)["requester"]["id"])

    assert len(set(in_threads(200, post))) == 1
    assert len(rows(database, Requester)) == 1
    assert len(rows(database, RequesterIdentity)) == 8


def test_people_who_come_at_once_in_any_order_are_each_one_requester(
    desk: Desk, new_desk: Callable[..., Desk], database: Database
) -> None:
    """Both processes give the same addresses away at the same time, in opposite orders."""
    desks = [desk, new_desk()]

    def post(index: int) -> None:
        numbers = range(20) if index % 2 else reversed(range(20))
        for number in numbers:
            desks[index % 2].ticket(requester={"email": f"person-{number}@example.com"})

    in_threads(8, post)
    assert len(rows(database, Requester)) == 20
    assert len(rows(database, RequesterIdentity)) == 20


# Over the API -------------------------------------------------------------------------------------


def test_a_requester_is_made_read_and_found_by_each_address(desk: Desk) -> None:
    content = {
        **MIRA,
        "phone": "+44 20 7946 0000",
        "external_id": "crm-1",
        "custom_fields": {"tier": "gold"},
        "identities": [{"kind": "email", "value": "Mira.Petrova@example.com"}],
    }
    response = desk.call("POST", "/v1/requesters", content)
    assert response.status_code == 201
    document = response.get_json()
    assert response.headers["Location"] == f"/v1/requesters/{document['id']}"
    assert profile(desk, document["id"]) == document
    assert document["custom_fields"] == {"tier": "gold"}
    for query in (
        {"email": "MIRA@example.com"},
        {"email": "mira.petrova@example.com"},
        {"phone": "+44 (20) 79460000"},
        {"external_id": "crm-1", "email": "mira@example.com"},
        {},
    ):
        found = desk.ok("GET", "/v1/requesters", query_string=query)
        assert [each["id"] for each in found["items"]] == [document["id"]], query
    for query in ({"email": "ann@example.com"}, {"external_id": "crm-2"}):
        assert desk.ok("GET", "/v1/requesters", query_string=query)["items"] == []
    assert sent(desk, email="mira.petrova@example.com")["id"] == document["id"]


def test_requesters_come_in_pages(desk: Desk) -> None:
    ids = [made(desk, name=f"n{number}") for number in range(5)]
    first = desk.ok("GET", "/v1/requesters?limit=3")
    second = desk.ok("GET", f"/v1/requesters?limit=3&after={first['next']}")
    assert [each["id"] for each in first["items"] + second["items"]] == ids
    assert second["next"] is None


def test_an_address_of_somebody_else_is_a_conflict_that_names_them(desk: Desk) -> None:
    mira = sent(desk, **MIRA)["id"]
    refused = desk.call("POST", "/v1/requesters", {"name": "m", "email": "Mira@example.com"})
    assert assert_problem(refused, 409, "conflict")["requester_id"] == mira
    ann = made(desk, name="Ann")
    listed = {"identities": [{"kind": "email", "value": "mira@example.com"}]}
    for change in ({"email": "mira@example.com"}, listed):
        refused = desk.call("PATCH", f"/v1/requesters/{ann}", change)
        assert assert_problem(refused, 409, "conflict")["requester_id"] == mira
    assert profile(desk, ann)["version"] == 1


def test_many_who_make_the_same_requester_at_once_make_one(
    desk: Desk, new_desk: Callable[..., Desk]
) -> None:
    desks = [desk, new_desk()]

    def post(index: int) -> tuple[int, str]:
        response = desks[index % 2].call("POST", "/v1/requesters", MIRA)
        body = response.get_json()
        return response.status_code, body.get("requester_id") or body["id"]

    answers = in_threads(20, post)
    assert sorted(status for status, _ in answers) == [201] + [409] * 19
    assert len({requester_id for _, requester_id in answers}) == 1


def test_a_change_keeps_what_it_does_not_name_and_raises_the_version(desk: Desk) -> None:
    mira = made(desk, **MIRA, phone="withheld")
    response = desk.call(
        "PATCH",
        f"/v1/requesters/{mira}",
        {"phone": "+442079460000", "time_zone": "Europe/Berlin"},
        headers={"If-Match": '"1"'},
    )
    kept = response.get_json()
    assert response.headers["ETag"] == '"2"'
    assert (kept["name"], kept["phone_e164"]) == ("Mira Petrova", "+442079460000")
    assert addresses(desk, mira) == {"mira@example.com", "+442079460000"}
    late = desk.call("PATCH", f"/v1/requesters/{mira}", {"name": "n"}, headers={"If-Match": '"1"'})
    assert assert_problem(late, 412, "version-mismatch")["version"] == 2
    same = desk.ok("PATCH", f"/v1/requesters/{mira}", {"time_zone": "Europe/Berlin"})
    assert same["version"] == 2


def test_an_old_address_finds_the_requester_until_it_is_taken_away(desk: Desk) -> None:
    mira = made(desk, **MIRA)
    desk.ok("PATCH", f"/v1/requesters/{mira}", {"email": "new@example.com"})
    assert sent(desk, email="mira@example.com")["id"] == mira
    desk.ok("PATCH", f"/v1/requesters/{mira}", {"identities": []})
    assert addresses(desk, mira) == {"new@example.com"}
    assert sent(desk, email="mira@example.com")["id"] != mira
    desk.ok("PATCH", f"/v1/requesters/{mira}", {"email": None})
    assert addresses(desk, mira) == set()


IMPOSSIBLE_PROFILES = [
    ({}, [""]),
    ({"name": None}, [""]),
    ({"name": "n", "colour": "green"}, ["/colour"]),
    ({"email": "nobody"}, ["/email"]),
    ({"name": "n", "locale": "e"}, ["/locale"]),
    ({"name": "n", "time_zone": "Berlin"}, ["/time_zone"]),
    ({"name": "n", "contacts": [{"type": "t", "value": "v"}] * 21}, ["/contacts"]),
    ({"name": "n", "custom_fields": {str(n): n for n in range(101)}}, ["/custom_fields"]),
    ({"name": "n", "identities": [{"kind": "fax", "value": "1"}]}, ["/identities/0/kind"]),
    (
        {"name": "n", "identities": [{"kind": "phone", "value": "12"}]},
        ["/identities/0/value"],
    ),
    (
        {"name": "n", "identities": [{"kind": "email", "value": "nobody"}]},
        ["/identities/0/value"],
    ),
    (
        {"name": "n", "identities": [{"kind": "external_id", "value": "1"}] * 21},
        ["/identities"],
    ),
]


def test_a_profile_that_cannot_be_is_refused(desk: Desk, subtests: pytest.Subtests) -> None:
    for body, pointers in IMPOSSIBLE_PROFILES:
        with subtests.test(body=body):
            response = desk.call("POST", "/v1/requesters", body)
            assert_problem(response, 422, "invalid-input", pointers)


@pytest.mark.parametrize(
    ("path", "pointers"),
    [
        ("/v1/requesters?phone=12345", ["/query/phone"]),
        ("/v1/requesters?email=nobody", ["/query/email"]),
        ("/v1/requesters?name=Mira", ["/query/name"]),
        ("/v1/requesters?limit=0", ["/query/limit"]),
    ],
)
def test_a_query_that_cannot_be_is_refused(desk: Desk, path: str, pointers: list[str]) -> None:
    assert_problem(desk.call("GET", path), 422, "invalid-input", pointers)


def test_who_is_not_there_is_404(desk: Desk) -> None:
    place = "/v1/requesters/rqr_" + "0" * 32
    for path in (place, f"{place}/tickets", f"{place}/export"):
        assert_problem(desk.call("GET", path), 404, "not-found")
    assert_problem(desk.call("PATCH", place, {"name": "n"}), 404, "not-found")
    assert_problem(desk.call("POST", f"{place}/erase", {}), 404, "not-found")
    assert_problem(
        desk.call("POST", f"{place}/merge", {"into": made(desk, name="n")}), 404, "not-found"
    )


def test_the_history_comes_in_pages_the_newest_first(desk: Desk) -> None:
    requester = sent(desk, **MIRA)["id"]
    numbers = [1, *(desk.ticket()["number"] for _ in range(4))]
    sent(desk, email="ann@example.com")
    found, after = [], ""
    while after is not None:
        history = desk.ok(
            "GET", f"/v1/requesters/{requester}/tickets?limit=2{after and '&after='}{after}"
        )
        found += [ticket["number"] for ticket in history["items"]]
        after = history["next"]
    assert found == sorted(numbers, reverse=True)
    refused = desk.call("GET", f"/v1/requesters/{requester}/tickets?after=0")
    assert_problem(refused, 422, "invalid-input", ["/query/after"])


def test_a_draft_makes_nobody_and_knows_whom_it_is_about(desk: Desk, database: Database) -> None:
    known = sent(desk, **MIRA)["id"]
    with database.transaction() as tx:
        for requester, expected in ((MIRA, known), ({"id": known}, known), ({"name": "n"}, None)):
            row = ticket_changes.draft(tx, ticket_content(requester=requester), NOW)
            assert row["requester_id"] == expected
    assert len(rows(database, Requester)) == 1
