"""One golden example of every event type and version: receivers were built against these bytes.

A difference means that receivers would see another shape. Fields may be added, with the example
brought up to date; whatever else changes needs a new version and a new example beside the old one.
`python -m tests.contract.write_golden` writes the examples of versions that have none yet.
"""

import json
import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from services.router.match_agents import MatchAgents
from services.router.repository import RouterRepository
from services.router.route_tickets import RouteTickets
from services.router.run_clocks import RunClocks
from shared.domain.clock import ManualClock
from shared.domain.event import EventType
from shared.runtime import Runtime
from shared.schemas.events import CATALOGUE, EventSchema
from tests.api_keys import create_key
from tests.desk import Desk
from tests.factories import NOW

GOLDEN = Path(__file__).parent / "golden"
_ID = re.compile(r"[a-z]{3}_[0-9a-f]{32}")

FULL_TICKET = {
    "subject": "VPN drops every ten minutes",
    "description": "Since this morning.\nWith “quotes” and 🙂.",
    "requester": {
        "name": "Mira Petrova",
        "email": "mira@example.com",
        "phone": "+44 20 7946 0000",
        "contacts": [{"type": "telegram", "value": "@mira"}],
        "locale": "en",
    },
    "type": "technical_problem",
    "category": "vpn",
    "product": "gateway",
    "severity": "high",
    "impact": "medium",
    "urgency": "high",
    "error_messages": ["Error 809"],
    "steps_to_reproduce": "Wait.",
    "tags": ["laptop"],
    "custom_fields": {"asset": 17, "nested": {"a": [1, None]}},
    "required_skills": [{"skill": "vpn", "level": 2}],
    "team": "network",
    "external_id": "case-7",
    "channel": "email",
}


def name_of(event: dict[str, Any]) -> str:
    return f"{event['type']}.v{event['version']}.json"


def with_plain_ids(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Replace each id by one that is the same in every run, in the order in which they appear."""
    seen: dict[str, str] = {}

    def plain(found: re.Match[str]) -> str:
        prefix = found[0][:4]
        of_kind = sum(value.startswith(prefix) for value in seen.values())
        return seen.setdefault(found[0], f"{prefix}{of_kind + 1:032x}")

    text = _ID.sub(plain, json.dumps(events))
    return list(json.loads(text))


def live_through_everything(
    runtime: Runtime, app: Flask, clock: ManualClock
) -> list[dict[str, Any]]:
    """Make one event of each type on a runtime that goes by the clock; return them."""
    parts = (runtime.database, runtime.clock, runtime.ring, RouterRepository(), 50)
    route, match = RouteTickets(*parts), MatchAgents(*parts)
    desk = Desk(app, create_key(runtime.database, "test", ["*"]))
    desk.headers["X-Request-Id"] = "req_golden"
    desk.skill("vpn")
    desk.ok("PUT", "/v1/routing/profiles/asking", {"offer_s": 60})
    desk.team("network")
    desk.team("second-line", profile="asking")
    agent = desk.agent(
        5,
        skills={"vpn": 3},
        teams=["network", "second-line"],
        presence="offline",
        name="Ann Lee",
        email="ann@example.com",
    )
    ticket_id = desk.ok("POST", "/v1/tickets", FULL_TICKET)["id"]
    route()
    desk.presence(agent, "online")
    match()
    desk.presence(agent, "offline")
    match()
    route()
    desk.ok("PATCH", f"/v1/tickets/{ticket_id}", {"tags": ["laptop", "remote"]})
    resolution = {
        "summary": "Rebooted.",
        "cause": "Memory.",
        "steps_taken": "One.",
        "lessons_learned": "None.",
    }
    desk.step(ticket_id, "resolve", resolution=resolution)
    desk.step(ticket_id, "close")
    desk.step(ticket_id, "reopen")
    desk.presence(agent, "online")
    transfer = {"team": "second-line", "escalate": True, "reason": "Needs a specialist."}
    desk.ok("POST", f"/v1/tickets/{ticket_id}/transfer", transfer)
    route()
    answer = {"agent_id": agent, "answer": "decline", "reason": "On holiday from tomorrow."}
    desk.ok("POST", f"/v1/tickets/{ticket_id}/offer", answer)
    clocks = RunClocks(runtime.database, clock, runtime.ring, 50)
    for _ in range(2):
        clock.advance(timedelta(hours=3, minutes=30))
        clocks()
    desk.step(ticket_id, "ask", note="Which version?", until="2030-01-01T09:00:00Z")
    said = {"body": "Version 7.", "author": {"kind": "requester"}}
    desk.ok("POST", f"/v1/tickets/{ticket_id}/comments", said)
    desk.step(ticket_id, "hold", reason="vendor", note="Their case 12.")
    desk.step(ticket_id, "mark_spam")
    desk.step(ticket_id, "restore")
    desk.step(ticket_id, "resolve", resolution=resolution)
    tested = {"method": "test", "by": "Ann Lee", "what": "Connected for an hour."}
    desk.ok("PUT", f"/v1/tickets/{ticket_id}/verification", tested)
    desk.ok("PUT", f"/v1/tickets/{ticket_id}/satisfaction", {"score": 5, "comment": "Quick."})
    desk.step(ticket_id, "reopen")
    desk.step(ticket_id, "cancel")
    desk.step(ticket_id, "reopen")
    other = desk.ticket(subject="The same trouble")["id"]
    linked = {"kind": "related", "ticket_id": other}
    desk.ok("POST", f"/v1/tickets/{ticket_id}/links", linked)
    desk.ok("DELETE", f"/v1/tickets/{other}/links/related/{ticket_id}")
    link = {"kind": "link", "url": "https://files.example.com/vpn.log", "name": "vpn.log"}
    desk.ok("POST", f"/v1/tickets/{ticket_id}/attachments", link)
    desk.ok("POST", f"/v1/tickets/{ticket_id}/merge", {"into": other})
    events = with_plain_ids(desk.events(ticket_id))
    first_of_each = {event["type"]: event for event in reversed(events)}
    return list(first_of_each.values())


@pytest.fixture
def events(
    new_runtime: Callable[..., Runtime], new_app: Callable[[Runtime], Flask]
) -> dict[str, dict[str, Any]]:
    clock = ManualClock(NOW)
    runtime = new_runtime(None, clock)
    made = live_through_everything(runtime, new_app(runtime), clock)
    return {event["type"]: event for event in made}


def test_every_event_is_what_its_golden_example_says(events: dict[str, dict[str, Any]]) -> None:
    assert set(events) == {event_type.value for event_type in EventType}
    for event in events.values():
        golden = json.loads((GOLDEN / name_of(event)).read_text())
        assert event == golden


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*.json")), ids=lambda path: path.stem)
def test_a_golden_example_fits_its_schema(path: Path) -> None:
    golden = json.loads(path.read_text())
    definition = CATALOGUE[EventType(golden["type"])]
    assert path.name == name_of(golden)
    assert EventSchema().validate(golden) == {}
    if golden["version"] == definition.version:
        assert definition.data().validate(golden["data"]) == {}


def test_every_event_type_has_an_example_of_its_present_version() -> None:
    for event_type, definition in CATALOGUE.items():
        assert (GOLDEN / f"{event_type.value}.v{definition.version}.json").exists()
    assert set(CATALOGUE) == set(EventType)
