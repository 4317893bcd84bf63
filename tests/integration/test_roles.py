"""Roles of keys: what the key of a requester reaches, and what one that only hands in does."""

from collections.abc import Callable
from typing import Any

import pytest

from shared.db.models import ApiKey
from shared.domain.api_key import ROLE_SCOPES
from shared.domain.role import Role
from tests.api_keys import create_key
from tests.attaching import uploaded
from tests.desk import Desk, ticket_body
from tests.problems import assert_problem
from tests.rows import rows

OTHER = {"name": "Tom Berg", "email": "tom@example.com"}


@pytest.fixture
def mode(embedded: Any) -> Any:
    """One database will do: roles are looked at before it."""
    return embedded


@pytest.fixture
def mine(desk: Desk) -> str:
    return str(desk.ticket()["id"])


@pytest.fixture
def theirs(desk: Desk) -> str:
    return str(desk.ticket(requester=OTHER)["id"])


@pytest.fixture
def requester(desk: Desk, database: Any, mine: str) -> Desk:
    return desk.as_requester(database, mine)


READS = ("", "/comments", "/attachments")
WRITES: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("POST", "/comments", {"body": "Hello?"}),
    ("POST", "/transitions", {"transition": "cancel"}),
    ("PUT", "/verification", {"method": "requester", "passed": True}),
    ("PUT", "/satisfaction", {"score": 1}),
    ("POST", "/follow-ups", {"description": "Again."}),
    ("POST", "/attachments", {"kind": "link", "url": "https://files.example.com/a"}),
)
OF_THE_DESK: tuple[tuple[str, str, dict[str, Any] | None], ...] = (
    ("GET", "/v1/tickets/{}/events", None),
    ("GET", "/v1/tickets/{}/decisions", None),
    ("GET", "/v1/tickets/{}/links", None),
    ("GET", "/v1/tickets/{}/sla", None),
    ("PATCH", "/v1/tickets/{}", {"priority": "critical"}),
    ("POST", "/v1/tickets/{}/merge", {"into": "tkt_1"}),
    ("PUT", "/v1/tickets/{}/resolution", {"summary": "x"}),
    ("GET", "/v1/tickets/by-external-id/api/1", None),
    ("GET", "/v1/agents", None),
    ("GET", "/v1/requesters", None),
)


@pytest.mark.parametrize("path", READS)
def test_a_requester_reads_own_tickets_and_no_others(
    requester: Desk, mine: str, theirs: str, path: str
) -> None:
    requester.ok("GET", f"/v1/tickets/{mine}{path}")
    hidden = assert_problem(requester.call("GET", f"/v1/tickets/{theirs}{path}"), 404, "not-found")
    absent = assert_problem(requester.call("GET", f"/v1/tickets/tkt_1{path}"), 404, "not-found")
    assert hidden["detail"].replace(theirs, "tkt_1") == absent["detail"]


@pytest.mark.parametrize(("method", "path", "body"), WRITES)
def test_a_requester_writes_to_no_ticket_of_others(
    desk: Desk, requester: Desk, theirs: str, method: str, path: str, body: dict[str, Any]
) -> None:
    response = requester.call(method, f"/v1/tickets/{theirs}{path}", body)
    assert_problem(response, 404, "not-found")
    assert desk.read(theirs)["version"] == 1


@pytest.mark.parametrize(("method", "path", "body"), OF_THE_DESK)
@pytest.mark.parametrize("role", [Role.REQUESTER, Role.INGEST])
def test_what_is_the_desks_is_403_even_with_every_scope(
    desk: Desk, database: Any, mine: str, role: Role, method: str, path: str, body: Any
) -> None:
    whose = desk.read(mine)["requester"]["id"] if role is Role.REQUESTER else None
    token = create_key(database, "app", ["*"], role=role, requester_id=whose)
    problem = assert_problem(
        Desk(desk.app, token).call(method, path.format(mine), body), 403, "forbidden"
    )
    assert role.value not in problem["roles"]


def test_the_list_of_a_requester_is_theirs(
    desk: Desk, requester: Desk, mine: str, theirs: str
) -> None:
    assert [t["id"] for t in requester.ok("GET", "/v1/tickets")["items"]] == [mine]
    other = desk.read(theirs)["requester"]["id"]
    assert requester.ok("GET", f"/v1/tickets?requester={other}")["items"] == []


def test_a_ticket_by_the_key_of_a_requester_is_theirs_whoever_it_names(
    desk: Desk, requester: Desk, mine: str
) -> None:
    made = requester.ticket(requester=OTHER)
    assert made["requester"]["id"] == desk.read(mine)["requester"]["id"]
    assert made["requester"]["email"] == "mira@example.com"


def test_a_requesters_comment_is_public_and_counts_no_work(
    requester: Desk, mine: str, desk: Desk
) -> None:
    said = requester.say(mine, "Hello?", visibility="internal", time_spent_s=60)
    assert said["visibility"] == "public"
    assert desk.read(mine)["time_spent_s"] == 0


def test_what_is_attached_to_an_internal_comment_stays_inside(
    desk: Desk, requester: Desk, mine: str
) -> None:
    aside = desk.say(
        mine, "Look.", visibility="internal", attachments=[uploaded(desk, "a.txt", b"secret")]
    )
    shown = desk.say(mine, "Here.", attachments=[uploaded(desk, "b.txt", b"public")])
    secret, public = (said["attachments"][0]["id"] for said in (aside, shown))
    items = requester.ok("GET", f"/v1/tickets/{mine}/attachments")["items"]
    assert [item["id"] for item in items] == [public]
    for path in (f"/v1/attachments/{secret}", f"/v1/attachments/{secret}/content"):
        assert_problem(requester.call("GET", path), 404, "not-found")
    assert requester.call("GET", f"/v1/attachments/{public}/content").data == b"public"


def test_a_requester_confirms_and_does_not_test(desk: Desk, requester: Desk, mine: str) -> None:
    desk.step(mine, "resolve")
    path = f"/v1/tickets/{mine}/verification"
    tested = {"method": "test", "passed": True, "by": "me", "what": "all"}
    assert_problem(requester.call("PUT", path, tested), 403, "forbidden")
    assert requester.ok("PUT", path, {"method": "requester", "passed": True})["status"] == "closed"


def test_a_requester_cancels_no_children(
    desk: Desk, requester: Desk, mine: str, theirs: str
) -> None:
    desk.link(theirs, "parent", mine)
    requester.ok(
        "POST",
        f"/v1/tickets/{mine}/transitions",
        {"transition": "cancel", "children": "force"},
    )
    assert desk.read(theirs)["status"] == "new"


def test_a_requesters_key_that_is_nobodys_reaches_nothing(
    desk: Desk, database: Any, mine: str
) -> None:
    nobody = Desk(desk.app, create_key(database, "app", ["*"], role=Role.REQUESTER))
    for method, path, body in (
        ("GET", f"/v1/tickets/{mine}", None),
        ("GET", "/v1/tickets", None),
        ("POST", "/v1/tickets", ticket_body()),
    ):
        problem = assert_problem(nobody.call(method, path, body), 403, "forbidden")
        assert "--requester" in problem["detail"]


def test_a_key_goes_with_its_requester_when_two_are_one(
    desk: Desk, new_desk: Callable[..., Desk], requester: Desk, mine: str, theirs: str
) -> None:
    one, other = (desk.read(ticket)["requester"]["id"] for ticket in (mine, theirs))
    desk.ok("POST", f"/v1/requesters/{one}/merge", {"into": other})
    # Another process, whose memory of keys is empty.
    requester.app = new_desk().app
    assert sorted(t["id"] for t in requester.ok("GET", "/v1/tickets")["items"]) == sorted(
        [mine, theirs]
    )


def test_a_requesters_key_ends_when_they_are_erased(
    desk: Desk, database: Any, requester: Desk, mine: str
) -> None:
    whose = desk.read(mine)["requester"]["id"]
    desk.ok("POST", f"/v1/requesters/{whose}/erase", {})
    [key] = [row for row in rows(database, ApiKey) if row["requester_id"] == whose]
    assert key["revoked_at"] is not None
    assert key["name"] == "[erased]"


def test_a_key_that_hands_in_makes_tickets_with_files_and_reads_none(
    desk: Desk, database: Any
) -> None:
    token = create_key(database, "form", list(ROLE_SCOPES[Role.INGEST]), role=Role.INGEST)
    ingest = Desk(desk.app, token)
    made = ingest.ticket(attachments=[uploaded(ingest, "a.log", b"log")])
    for path in ("/v1/tickets", f"/v1/tickets/{made['id']}"):
        assert_problem(ingest.call("GET", path), 403, "forbidden")
    wide = Desk(desk.app, create_key(database, "form", ["*"], role=Role.INGEST))
    assert_problem(wide.call("GET", f"/v1/tickets/{made['id']}"), 403, "forbidden")
    assert_problem(wide.call("PATCH", f"/v1/tickets/{made['id']}", {}), 403, "forbidden")
