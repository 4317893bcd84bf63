"""Changes of things that exist, refused: lifecycle, versions, names, presence, a database away."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from shared.runtime import Runtime
from shared.settings import Settings
from tests.desk import Desk, ticket_body
from tests.fixtures.modes import Mode
from tests.invariants import assert_sound
from tests.problems import assert_problem

#: What can become of a new ticket.
ALIVE = ["ask", "hold", "resolve", "cancel", "mark_spam"]


@pytest.mark.parametrize(
    ("steps", "refused", "allowed"),
    [
        ([], "close", ALIVE),
        ([], "reopen", ALIVE),
        (["resolve"], "resolve", ["close", "reopen"]),
        (["resolve", "close"], "resolve", ["reopen"]),
        (["resolve", "close"], "close", ["reopen"]),
    ],
)
def test_a_step_that_the_lifecycle_lacks_is_409(
    desk: Desk, runtime: Runtime, steps: list[str], refused: str, allowed: list[str]
) -> None:
    ticket_id = desk.ticket()["id"]
    for step in steps:
        desk.step(ticket_id, step)
    path = f"/v1/tickets/{ticket_id}/transitions"
    response = desk.call("POST", path, {"transition": refused})
    problem = assert_problem(response, 409, "invalid-transition")
    assert problem["allowed"] == allowed
    assert len(desk.events(ticket_id)) == 1 + len(steps)
    assert_sound(runtime.database)


def test_only_resolving_takes_a_resolution(desk: Desk) -> None:
    ticket_id = desk.ticket()["id"]
    desk.step(ticket_id, "resolve")
    body = {"transition": "close", "resolution": {"summary": "s"}}
    response = desk.call("POST", f"/v1/tickets/{ticket_id}/transitions", body)
    assert_problem(response, 422, "invalid-input", ["/resolution"])


@pytest.mark.parametrize("path", ["", "/transitions"])
def test_if_match_with_another_version_is_412_and_changes_nothing(desk: Desk, path: str) -> None:
    ticket_id = desk.ticket()["id"]
    body = {"transition": "resolve"} if path else {"subject": "new"}
    method = "POST" if path else "PATCH"
    url = f"/v1/tickets/{ticket_id}{path}"
    stale = desk.call(method, url, body, headers={"If-Match": '"7"'})
    assert assert_problem(stale, 412, "version-mismatch")["version"] == 1
    assert len(desk.events(ticket_id)) == 1
    fresh = desk.call(method, url, body, headers={"If-Match": '"1"'})
    assert fresh.status_code == 200
    assert fresh.headers["ETag"] == '"2"'


def test_an_edit_that_changes_nothing_makes_no_event(desk: Desk) -> None:
    ticket = desk.ticket()
    url = f"/v1/tickets/{ticket['id']}"
    assert desk.ok("PATCH", url, {"subject": ticket["subject"]})["version"] == 1
    assert desk.ok("PATCH", url, {"subject": "other"})["version"] == 2
    event = desk.events(ticket["id"])[-1]
    assert (event["type"], event["data"]["changed"]) == ("ticket.updated", ["subject"])


def test_a_changed_impact_moves_the_priority_and_the_expected_time(desk: Desk) -> None:
    ticket = desk.ticket()
    url = f"/v1/tickets/{ticket['id']}"
    changed = desk.ok("PATCH", url, {"impact": "high", "urgency": "high"})
    assert changed["priority"] == "critical"
    assert changed["expected_resolution_at"] < ticket["expected_resolution_at"]
    assert desk.ok("PATCH", url, {"priority": "low", "impact": "low"})["priority"] == "low"


@pytest.mark.parametrize("skills", [[{"skill": "vpn"}], [{}], [{"level": 3}]])
def test_an_edit_takes_a_required_skill_whole_or_not_at_all(
    desk: Desk, skills: list[dict[str, Any]]
) -> None:
    """That an edit may leave fields of a ticket out says nothing about fields of its skills."""
    desk.skill("vpn")
    ticket_id = desk.ticket()["id"]
    response = desk.call("PATCH", f"/v1/tickets/{ticket_id}", {"required_skills": skills})
    if skills == [{"skill": "vpn"}]:
        assert response.status_code == 200, response.get_data(as_text=True)
        assert response.get_json()["required_skills"] == [{"skill": "vpn", "level": 1}]
    else:
        assert_problem(response, 422, "invalid-input", ["/required_skills/0/skill"])


def test_an_edit_takes_an_agents_skill_whole_or_not_at_all(desk: Desk) -> None:
    desk.skill("vpn")
    url = f"/v1/agents/{desk.agent()}"
    response = desk.call("PATCH", url, {"skills": [{"skill": "vpn"}]})
    assert_problem(response, 422, "invalid-input", ["/skills/0/level"])


def test_an_edit_refuses_what_a_new_ticket_may_not_hold_either(desk: Desk) -> None:
    ticket_id = desk.ticket()["id"]
    body = {"team": "nobody", "colour": "green"}
    response = desk.call("PATCH", f"/v1/tickets/{ticket_id}", {"colour": "green", "type": "x"})
    assert_problem(response, 422, "invalid-input", ["/colour", "/type"])
    response = desk.call("PATCH", f"/v1/tickets/{ticket_id}", {"team": body["team"]})
    assert_problem(response, 422, "invalid-input", ["/team"])
    assert desk.read(ticket_id)["version"] == 1


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("teams", {"name": "a"}),
        ("skills", {"name": "a"}),
        ("calendars", {"name": "a", "time_zone": "UTC", "hours": {}}),
    ],
)
def test_a_name_that_is_taken_is_409(desk: Desk, path: str, body: dict[str, Any]) -> None:
    desk.ok("POST", f"/v1/{path}", body)
    assert_problem(desk.call("POST", f"/v1/{path}", body), 409, "conflict")


def test_an_agents_address_that_is_taken_is_409(desk: Desk) -> None:
    desk.agent(email="ann@example.com")
    body = {"name": "Other", "email": "ann@example.com"}
    assert_problem(desk.call("POST", "/v1/agents", body), 409, "conflict")


@pytest.mark.parametrize(
    "skills",
    [[{"skill": "vpn", "level": 1}, {"skill": "vpn", "level": 2}]],
)
def test_a_skill_given_twice_is_refused_by_its_place(
    desk: Desk, skills: list[dict[str, Any]]
) -> None:
    desk.skill("vpn")
    body = {"name": "Ann", "email": "ann@example.com", "skills": skills}
    response = desk.call("POST", "/v1/agents", body)
    assert_problem(response, 422, "invalid-input", ["/skills/1/skill"])


def test_presence_is_one_of_three_words(desk: Desk) -> None:
    url = f"/v1/agents/{desk.agent()}/presence"
    response = desk.call("PUT", url, {"presence": "asleep"})
    assert_problem(response, 422, "invalid-input", ["/presence"])


def test_rules_that_name_what_does_not_exist_are_refused(desk: Desk) -> None:
    rules = [
        {"name": "fine", "then": {}},
        {"name": "odd", "then": {"team": "nobody"}, "when": 'ticket.colour == "green"'},
    ]
    response = desk.call("PUT", "/v1/routing/rules", {"rules": rules})
    assert_problem(response, 422, "invalid-input", ["/rules/1/when"])
    del rules[1]["when"]
    response = desk.call("PUT", "/v1/routing/rules", {"rules": rules})
    assert_problem(response, 422, "invalid-input", ["/rules/1/then/team"])
    assert desk.ok("GET", "/v1/routing/rules")["version"] == 0


PRIVATE_PLACES = [
    "http://10.0.0.1/hook",
    "https://192.168.1.1/hook",
    "https://169.254.169.254/latest",
    "https://[::1]/hook",
    "https://localhost/hook",
    "ftp://example.com/",
    "https://user:secret@example.com/",
    "not a url",
    "https://2130706433/",
]


def test_a_webhook_to_a_private_place_is_refused_at_registration(
    settings: Settings, new_desk: Callable[..., Desk], subtests: pytest.Subtests
) -> None:
    for url in PRIVATE_PLACES:
        with subtests.test(url=url):
            desk = new_desk(replace(settings, webhook_allowed_networks=()))
            response = desk.call("POST", "/v1/webhooks", {"url": url})
            assert_problem(response, 422, "invalid-input", ["/url"])


@pytest.fixture
def cut_off(
    mode: Mode,
    settings: Settings,
    tmp_path: Path,
    new_runtime: Callable[..., Runtime],
    new_app: Callable[[Runtime], Flask],
) -> Desk:
    """A desk whose database cannot be reached."""
    if mode.distributed:
        # A closed port of this machine: nothing listens on port 1.
        url = "postgresql+psycopg://patchbay@127.0.0.1:1/patchbay"
    else:
        (tmp_path / "folder.db").mkdir()
        url = f"sqlite:///{tmp_path / 'folder.db'}"
    return Desk(new_app(new_runtime(replace(settings, database_url=url))), "pbk_any")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/tickets"),
        ("GET", "/v1/tickets/tkt_1"),
        ("GET", "/v1/teams"),
    ],
)
def test_a_database_away_is_503_with_the_time_to_come_again(
    cut_off: Desk, method: str, path: str
) -> None:
    response = cut_off.call(method, path, ticket_body() if method == "POST" else None)
    assert_problem(response, 503, "unavailable")
    assert int(response.headers["Retry-After"]) > 0


def test_readiness_needs_the_database_and_health_does_not(cut_off: Desk) -> None:
    assert cut_off.call("GET", "/readyz").status_code == 503
    assert cut_off.call("GET", "/healthz").status_code == 200


def test_readiness_does_not_need_the_broker(
    settings: Settings, mode: Mode, new_desk: Callable[..., Desk]
) -> None:
    if mode.distributed:
        settings = replace(settings, broker_url="amqp://guest:guest@127.0.0.1:1/")
    desk = new_desk(settings)
    assert desk.call("GET", "/readyz").status_code == 200
    assert desk.ticket()["status"] == "new"
