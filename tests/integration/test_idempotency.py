"""Idempotency-Key: every request that writes can be sent again, and its effect is there once."""

import contextlib
import threading
from collections.abc import Callable
from dataclasses import dataclass, fields
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import delete, func, select

from services.intake.api import change
from services.intake.idempotency import Claim, hash_request
from shared.db.engine import Database
from shared.db.models import Base, IdempotencyKey, Skill, TicketEvent
from shared.db.models.base import table
from shared.domain.clock import ManualClock, SystemClock
from shared.domain.ids import Prefix, new_id
from shared.runtime import Runtime
from tests.desk import Desk, ticket_body
from tests.fixtures.modes import Mode
from tests.problems import assert_problem
from tests.waiting import DEADLINE_S, in_threads

LEVELS = ("high", "medium", "low")
MATRIX = {impact: dict.fromkeys(LEVELS, "high") for impact in LEVELS}
POLICY = {"targets": {p: {"resolution": "2h"} for p in ("critical", "high", "medium", "low")}}

ICAL = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nEND:VCALENDAR\r\n"


def keyed(key: str = "k1") -> dict[str, str]:
    return {"Idempotency-Key": key}


def count(database: Database, model: type[Base]) -> int:
    with database.reading() as connection:
        query = select(func.count()).select_from(table(model))
        return int(connection.execute(query).scalar_one())


@dataclass
class Things:
    """What the operations below are about."""

    ticket: str
    agent: str
    absence: str
    webhook: str
    #: A resolved ticket, the parent of the other one.
    done: str
    other: str
    attachment: str
    requester: str


@pytest.fixture
def things(desk: Desk) -> Things:
    desk.team("network")
    agent = desk.agent()
    desk.ok("POST", "/v1/calendars", {"name": "berlin", "time_zone": "UTC", "hours": {}})
    desk.ok("PUT", "/v1/routing/profiles/calm", {})
    times = {"starts_at": "2030-01-01T00:00:00Z", "ends_at": "2030-01-02T00:00:00Z"}
    absence = desk.ok("POST", f"/v1/agents/{agent}/absences", times)["id"]
    webhook = desk.webhook("https://127.0.0.1/hook")["id"]
    desk.ok("PUT", "/v1/sla-policies/silver", POLICY)
    ticket, done, other = (desk.ticket() for _ in range(3))
    desk.link(other["id"], "parent", done["id"])
    desk.step(done["id"], "resolve", children="leave")
    link = {"kind": "link", "url": "https://a.example/b"}
    path = f"/v1/tickets/{ticket['id']}/attachments"
    attachment = desk.ok("POST", path, link)["items"][0]["id"]
    return Things(
        ticket["id"],
        agent,
        absence,
        webhook,
        done["id"],
        other["id"],
        attachment,
        ticket["requester"]["id"],
    )


#: Every operation that writes, by the rule of its path, with a body for it.
WRITES: list[tuple[str, str, Any]] = [
    ("POST", "/v1/tickets", ticket_body()),
    ("PATCH", "/v1/tickets/{ticket}", {"subject": "other"}),
    ("PUT", "/v1/tickets/by-external-id/crm/7", ticket_body()),
    ("POST", "/v1/tickets/{ticket}/transitions", {"transition": "resolve"}),
    ("PUT", "/v1/tickets/{ticket}/assignment", {"agent_id": "{agent}"}),
    ("POST", "/v1/tickets/{ticket}/transfer", {"team": "network"}),
    ("POST", "/v1/agents", {"name": "Bo", "email": "bo@example.com"}),
    ("PATCH", "/v1/agents/{agent}", {"capacity": 3}),
    ("PUT", "/v1/agents/{agent}/presence", {"presence": "away"}),
    (
        "POST",
        "/v1/agents/{agent}/absences",
        {"starts_at": "2031-01-01T00:00:00Z", "ends_at": "2031-01-02T00:00:00Z"},
    ),
    ("PUT", "/v1/agents/{agent}/absences", ICAL),
    ("DELETE", "/v1/agents/{agent}/absences/{absence}", None),
    ("POST", "/v1/calendars", {"name": "paris", "time_zone": "UTC", "hours": {}}),
    ("PATCH", "/v1/calendars/berlin", {"title": "Berlin"}),
    ("PUT", "/v1/calendars/berlin/holidays", ICAL),
    ("DELETE", "/v1/calendars/berlin", None),
    ("POST", "/v1/teams", {"name": "second"}),
    ("PATCH", "/v1/teams/network", {"title": "Network"}),
    ("POST", "/v1/skills", {"name": "vpn"}),
    ("PUT", "/v1/routing/rules", {"rules": []}),
    ("PUT", "/v1/routing/profiles/calm", {"scorers": {"random": 1.0}}),
    ("DELETE", "/v1/routing/profiles/calm", None),
    ("POST", "/v1/webhooks", {"url": "https://127.0.0.1/hook"}),
    ("PATCH", "/v1/webhooks/{webhook}", {"enabled": False}),
    ("POST", "/v1/webhooks/{webhook}/rotate-secret", {}),
    ("POST", "/v1/webhooks/{webhook}/test", {}),
    ("POST", "/v1/webhooks/{webhook}/replays", {}),
    ("DELETE", "/v1/webhooks/{webhook}", None),
    ("POST", "/v1/mail/replays", {}),
    ("PUT", "/v1/agents/{agent}/mail-preferences", {"digest": "daily"}),
    ("PUT", "/v1/requesters/{requester}/mail-preferences", {"time_zone": "UTC"}),
    ("POST", "/v1/tickets/{ticket}/comments", {"body": "Looking."}),
    ("POST", "/v1/tickets/{ticket}/links", {"kind": "related", "ticket_id": "{other}"}),
    ("DELETE", "/v1/tickets/{other}/links/parent/{done}", None),
    ("POST", "/v1/tickets/{ticket}/merge", {"into": "{other}"}),
    ("POST", "/v1/tickets/{done}/follow-ups", {"description": "Again."}),
    ("PUT", "/v1/tickets/{done}/resolution", {"summary": "A new cable."}),
    ("PUT", "/v1/tickets/{done}/verification", {"method": "requester"}),
    ("PUT", "/v1/tickets/{done}/satisfaction", {"score": 5}),
    ("POST", "/v1/tickets/{ticket}/attachments", {"kind": "link", "url": "https://a.example/b"}),
    ("DELETE", "/v1/attachments/{attachment}", None),
    ("POST", "/v1/uploads", {"name": "a.txt", "size": 3}),
    ("POST", "/v1/requesters", {"name": "Bo", "email": "bo@example.com"}),
    ("PATCH", "/v1/requesters/{requester}", {"name": "Bo"}),
    ("PUT", "/v1/sla-policies/gold", POLICY),
    ("DELETE", "/v1/sla-policies/silver", None),
    ("PUT", "/v1/priorities/matrix", {"matrix": MATRIX}),
]


def filled(value: Any, things: Things) -> Any:
    if isinstance(value, dict):
        return {name: filled(inner, things) for name, inner in value.items()}
    if isinstance(value, str) and not value.startswith("BEGIN"):
        return value.format(**vars(things))
    return value


def send(desk: Desk, method: str, path: str, body: Any, headers: dict[str, str]) -> Any:
    if isinstance(body, str):
        return desk.call(method, path, headers=headers, data=body, content_type="text/calendar")
    return desk.call(method, path, body, headers=headers)


@pytest.mark.parametrize(("method", "path", "body"), WRITES, ids=lambda value: str(value)[:40])
def test_every_operation_that_writes_answers_a_repeated_key_the_same(
    desk: Desk, things: Things, database: Database, method: str, path: str, body: Any
) -> None:
    path, body = filled(path, things), filled(body, things)
    first = send(desk, method, path, body, keyed())
    assert first.status_code < 300, first.get_data(as_text=True)
    events = count(database, TicketEvent)
    again = send(desk, method, path, body, keyed('"k1"'))
    assert again.status_code == first.status_code
    assert again.get_data() == first.get_data()
    assert again.headers["Idempotency-Replayed"] == "true"
    assert "Idempotency-Replayed" not in first.headers
    for header in ("Location", "ETag", "Content-Type"):
        assert again.headers.get(header) == first.headers.get(header)
    assert count(database, TicketEvent) == events
    assert count(database, IdempotencyKey) == 1


@pytest.mark.parametrize("mode", ["embedded"], indirect=True)
def test_the_operations_above_are_all_that_write(desk: Desk) -> None:
    tried = {(method, path) for method, path, _ in WRITES}
    #: Changes nothing, and one that needs an offer, which is tried below.
    tried |= {("POST", "/v1/routing/explain"), ("POST", "/v1/tickets/x/offer")}
    #: Long ones, which may be sent again as they are, and one that goes by its token.
    tried |= {("POST", f"/v1/requesters/x/{what}") for what in ("merge", "erase")}
    tried |= {("PUT", "/v1/uploads/x")}
    #: Lines with keys of their own, and a job that is cancelled once.
    tried |= {("POST", "/v1/tickets/bulk"), ("DELETE", "/v1/jobs/x")}
    #: Those that need a delivery or a suppression, and one that takes a mail as it came.
    tried |= {("POST", "/v1/deliveries/x/replay"), ("POST", "/v1/mail/bounces")}
    tried |= {("DELETE", "/v1/mail/suppressions/x")}
    adapter = desk.app.url_map.bind("")
    places = {each.name: each.name for each in fields(Things)}
    places["webhook"] = new_id(Prefix.SUBSCRIPTION)
    matched = {
        (method, adapter.match(path.format_map(places), method)[0]) for method, path in tried
    }
    served = {
        (method, rule.endpoint)
        for rule in desk.app.url_map.iter_rules()
        if rule.rule.startswith("/v1/")
        for method in (rule.methods or set()) - {"GET", "HEAD", "OPTIONS"}
    }
    assert served == matched


def test_another_body_or_path_under_the_same_key_is_refused(desk: Desk, things: Things) -> None:
    path = f"/v1/agents/{things.agent}"
    assert desk.call("PATCH", path, {"capacity": 3}, headers=keyed()).status_code == 200
    other = desk.call("PATCH", path, {"capacity": 4}, headers=keyed())
    assert_problem(other, 422, "idempotency-key-reused")
    elsewhere = desk.call("PATCH", f"/v1/agents/{desk.agent()}", {"capacity": 3}, headers=keyed())
    assert_problem(elsewhere, 422, "idempotency-key-reused")
    assert desk.read_agent(things.agent)["capacity"] == 3


def test_the_same_key_on_another_operation_is_another_key(desk: Desk, things: Things) -> None:
    assert desk.call("POST", "/v1/skills", {"name": "a"}, headers=keyed()).status_code == 201
    team = desk.call("POST", "/v1/teams", {"name": "a"}, headers=keyed())
    assert team.status_code == 201
    assert "Idempotency-Replayed" not in team.headers


def test_a_refusal_is_not_remembered(desk: Desk, database: Database) -> None:
    refused = desk.call("POST", "/v1/agents", {"name": "Bo"}, headers=keyed())
    assert_problem(refused, 422, "invalid-input")
    taken = {"name": "vpn"}
    desk.ok("POST", "/v1/skills", taken)
    assert_problem(desk.call("POST", "/v1/skills", taken, headers=keyed()), 409, "conflict")
    assert count(database, IdempotencyKey) == 0
    agent = {"name": "Bo", "email": "bo@example.com"}
    assert desk.call("POST", "/v1/agents", agent, headers=keyed()).status_code == 201


def test_an_answer_stands_when_what_the_request_named_is_gone(desk: Desk, things: Things) -> None:
    agent = {"name": "Bo", "email": "bo@example.com", "calendar": "paris"}
    desk.ok("POST", "/v1/calendars", {"name": "paris", "time_zone": "UTC", "hours": {}})
    first = desk.call("POST", "/v1/agents", agent, headers=keyed())
    desk.ok("PATCH", first.headers["Location"], {"calendar": None})
    desk.call("DELETE", "/v1/calendars/paris")
    again = desk.call("POST", "/v1/agents", agent, headers=keyed())
    assert (again.status_code, again.get_json()) == (201, first.get_json())


@pytest.mark.parametrize("mode", ["embedded"], indirect=True)
def test_a_ticket_is_answered_again_when_its_skill_is_gone(
    desk: Desk, new_desk: Callable[..., Desk], database: Database
) -> None:
    body = ticket_body(required_skills=[{"skill": "vpn"}])
    desk.skill("vpn")
    first = desk.call("POST", "/v1/tickets", body, headers=keyed())
    desk.ok("PATCH", first.headers["Location"], {"required_skills": []})
    with database.transaction() as tx:
        tx.execute(delete(table(Skill)))
    later = new_desk()
    again = later.call("POST", "/v1/tickets", body, headers=keyed())
    assert (again.status_code, again.get_json()) == (201, first.get_json())
    assert again.headers["Idempotency-Replayed"] == "true"
    assert later.call("POST", "/v1/tickets", body, headers=keyed("k2")).status_code == 422


def test_a_key_is_free_again_after_its_time(
    new_runtime: Callable[..., Runtime], new_app: Callable[..., Any], token: str
) -> None:
    clock = ManualClock(SystemClock().now())
    desk = Desk(new_app(new_runtime(None, clock)), token)
    desk.call("POST", "/v1/skills", {"name": "a"}, headers=keyed())
    clock.advance(timedelta(days=1, seconds=1))
    assert desk.call("POST", "/v1/skills", {"name": "b"}, headers=keyed()).status_code == 201


@pytest.mark.parametrize("key", ["", "k" * 256, '""', '"' + "k" * 256 + '"', "a\tb"])
def test_a_key_has_a_form(desk: Desk, key: str) -> None:
    client = desk.app.test_client()
    headers = {"Authorization": f"Bearer {desk.token}", "Idempotency-Key": key}
    response = client.post("/v1/skills", json={"name": "vpn"}, headers=headers)
    detail = assert_problem(response, 400, "malformed-request")["detail"]
    assert detail == "An Idempotency-Key has 1 to 255 printable ASCII characters."


def test_twenty_at_once_with_one_key_do_it_once(
    desk: Desk, new_desk: Callable[..., Desk], things: Things, database: Database
) -> None:
    desks = [desk, new_desk()]
    before = count(database, TicketEvent)

    def resolve(index: int) -> tuple[int, str | None]:
        path = f"/v1/tickets/{things.ticket}/transitions"
        body = {"transition": "resolve"}
        response = desks[index % 2].call("POST", path, body, headers=keyed())
        return response.status_code, response.headers.get("Idempotency-Replayed")

    answers = in_threads(20, resolve)
    assert sorted(answers, key=str) == [(200, "true")] * 19 + [(200, None)]
    assert count(database, TicketEvent) == before + 1


def test_a_key_whose_first_request_takes_long_is_in_flight(
    mode: Mode, desk: Desk, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On SQLite the second waits for the turn to write instead, and gets the first one's answer."""
    monkeypatch.setattr(change, "PATIENCE_S", 0.2)
    with database.reading() as connection:
        [key_id] = connection.exec_driver_sql("SELECT id FROM api_keys").scalars()
    claim = Claim(key_id, "POST /v1/skills", "k1", hash_request({"name": "vpn"}))
    held, release = threading.Event(), threading.Event()

    def hold() -> None:
        with database.transaction() as tx:
            assert tx.claim(claim.lock)
            held.set()
            assert release.wait(DEADLINE_S)

    holder = threading.Thread(target=hold)
    holder.start()
    assert held.wait(DEADLINE_S)
    if not mode.distributed:
        release.set()
    second = desk.call("POST", "/v1/skills", {"name": "vpn"}, headers=keyed())
    release.set()
    holder.join()
    if mode.distributed:
        assert_problem(second, 409, "idempotency-key-in-flight")
        assert second.headers["Retry-After"] == "1"
        second = desk.call("POST", "/v1/skills", {"name": "vpn"}, headers=keyed())
    assert second.status_code == 201


def test_a_claim_dies_with_its_transaction(database: Database) -> None:
    claim = Claim(new_id(Prefix.API_KEY), "POST /v1/skills", "k1", "")
    for _ in range(2):
        with contextlib.suppress(ZeroDivisionError), database.transaction() as tx:
            assert tx.claim(claim.lock)
            raise ZeroDivisionError
