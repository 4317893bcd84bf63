"""What the key of a requester sees of their ticket, and may say of a new one."""

import json
from typing import Any

import pytest

from shared.db.engine import Database
from shared.db.models import IdempotencyKey
from shared.schemas.requester_view import NOT_SETTABLE, TICKET
from tests.desk import Desk, ticket_body
from tests.fixtures.shops import Shop
from tests.problems import assert_problem
from tests.rows import rows

INSIDE = "inside-only"

#: A value for each field that is not a requester's to set.
DESKS: dict[str, Any] = {
    "priority": "critical",
    "severity": "critical",
    "team": "network",
    "lane": "bulk",
    "channel": "phone",
    "source": "jira",
    "external_id": "JIRA-1",
    "tags": ["vip"],
    "custom_fields": {"asset": 17},
    "required_skills": [{"skill": "vpn"}],
}


@pytest.fixture
def mode(embedded: Any) -> Any:
    """One database will do: nothing here is of a database."""
    return embedded


@pytest.fixture
def lived(shop: Shop) -> str:
    """A ticket with something of the desk's in every place that has room for it."""
    desk = shop.desk
    desk.team("inside-only")
    desk.skill("inside-only")
    desk.agent(
        name="Ann Lee",
        email="inside-only@example.com",
        skills={"inside-only": 2},
        teams=["inside-only"],
    )
    ticket = desk.ticket(
        requester={"name": "Mira Petrova", "email": "mira@example.com", "about": INSIDE},
        source="inside-only",
        external_id=INSIDE,
        tags=["inside-only"],
        custom_fields={INSIDE: INSIDE},
        required_skills=[{"skill": "inside-only"}],
        team="inside-only",
    )["id"]
    shop.settle()
    desk.say(ticket, INSIDE, visibility="internal")
    desk.say(ticket, "Look.", time_spent_s=60, author={"kind": "api", "name": INSIDE})
    desk.step(ticket, "hold", reason="vendor", note=INSIDE)
    assert desk.assignee(ticket)
    return str(ticket)


@pytest.fixture
def requester(shop: Shop, lived: str) -> Desk:
    return shop.desk.as_requester(shop.runtime.database, lived)


def readings(requester: Desk, ticket: str) -> dict[str, Any]:
    return {
        path: requester.ok("GET", path)
        for path in (
            f"/v1/tickets/{ticket}",
            f"/v1/tickets/{ticket}/comments",
            f"/v1/tickets/{ticket}/attachments",
            "/v1/tickets",
            "/v1/tickets?fields=hold,assignee,requester",
            "/v1/search/tickets?q=vpn",
        )
    }


def test_a_requester_reads_nothing_of_the_desks(shop: Shop, requester: Desk, lived: str) -> None:
    for path, document in readings(requester, lived).items():
        assert INSIDE not in json.dumps(document), path
    shop.desk.step(lived, "resume")
    resolution = {"summary": "Reboot.", **dict.fromkeys(("cause", "lessons_learned"), INSIDE)}
    shop.desk.step(lived, "resolve", resolution=resolution)
    for path, document in readings(requester, lived).items():
        assert INSIDE not in json.dumps(document), path
    seen = requester.read(lived)
    assert set(seen) == TICKET.public
    assert seen["resolution"] == {"summary": "Reboot."}


def test_what_a_requester_does_is_answered_by_what_they_see(
    shop: Shop, requester: Desk, lived: str
) -> None:
    shop.desk.step(lived, "resume")
    shop.desk.step(lived, "resolve", resolution={"summary": "x", "lessons_learned": INSIDE})
    path = f"/v1/tickets/{lived}"
    said = requester.ok("PUT", f"{path}/satisfaction", {"score": 4})
    assert said["satisfaction"].keys().isdisjoint({"agent_id"})
    for answered in (
        said,
        requester.ok("PUT", f"{path}/verification", {"method": "requester"}),
        requester.ok("POST", f"{path}/follow-ups", {"description": "Again."}),
        requester.ok("POST", f"{path}/transitions", {"transition": "reopen"}),
        requester.ok("POST", "/v1/tickets", ticket_body(), headers={"Idempotency-Key": "k"}),
    ):
        assert set(answered) == TICKET.public
        assert INSIDE not in json.dumps(answered)
    remembered = [row["answer"] for row in rows(shop.runtime.database, IdempotencyKey)]
    assert len(remembered) == 1
    assert "required_skills" not in remembered[0]


@pytest.mark.parametrize("name", sorted(NOT_SETTABLE))
def test_what_is_the_desks_to_set_is_refused_where_it_stands(
    desk: Desk, database: Database, name: str
) -> None:
    requester = desk.as_requester(database, desk.ticket()["id"])
    response = requester.call("POST", "/v1/tickets", ticket_body(**{name: DESKS[name]}))
    assert_problem(response, 403, "forbidden", [f"/{name}"])
    assert len(desk.ok("GET", "/v1/tickets")["items"]) == 1


def test_impact_and_urgency_are_the_requesters_and_make_the_priority(
    desk: Desk, database: Database
) -> None:
    requester = desk.as_requester(database, desk.ticket()["id"])
    made = requester.ticket(impact="high", urgency="high", type="complaint")
    assert made["priority"] == "critical"


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("/v1/tickets?team=network", "/query/team"),
        ("/v1/tickets?tag=vip", "/query/tag"),
        ("/v1/tickets?fields=id,required_skills", "/query/fields"),
        ("/v1/search/tickets?team=network", "/query/team"),
        ("/v1/search/tickets?q=vpn tag:vip", "/query/q"),
        ("/v1/search/tickets?q=-assignee:agt_1", "/query/q"),
    ],
)
def test_nothing_is_narrowed_by_what_a_requester_does_not_see(
    desk: Desk, database: Database, query: str, pointer: str
) -> None:
    requester = desk.as_requester(database, desk.ticket()["id"])
    said = requester.call("GET", query, headers={"Accept-Language": "ru"})
    problem = assert_problem(said, 403, "forbidden", [pointer])
    assert "Заявитель" in problem["errors"][0]["detail"]
