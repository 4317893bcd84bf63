"""The API does what its description says, as schemathesis sees it, in both modes."""

import json
from collections.abc import Callable
from dataclasses import replace

import pytest
from flask import Flask

from shared.messaging.worker_host import WorkerHost
from shared.runtime import Runtime
from shared.settings import Settings
from tests.api.examining import Findings, configuration, description, examine
from tests.api_keys import create_key
from tests.desk import Desk
from tests.fixtures.modes import Mode

#: How long an event stream lasts here, in seconds; who examines one reads it to its end.
STREAM_S = 0.05
#: Some operations can be called in few ways only; so often they are gone through at the most.
MAX_TURNS = 400


@pytest.fixture
def examined(
    settings: Settings,
    new_runtime: Callable[..., Runtime],
    new_app: Callable[[Runtime], Flask],
    start_host: Callable[..., WorkerHost],
) -> Desk:
    runtime = new_runtime(replace(settings, stream_max_s=STREAM_S))
    start_host(runtime, ["router"])  # which answers questions
    return Desk(new_app(runtime), create_key(runtime.database, "test", ["*"]))


def test_every_operation_keeps_to_its_description(
    examined: Desk,
    mode: Mode,
    group: str | None,
    operations: int,
    cases: int,
    record_property: Callable[[str, object], None],
) -> None:
    known = furnish(examined)
    found = Findings()
    for turn in range(MAX_TURNS):
        config = configuration(examined.token, known, operations, cases - found.cases, turn)
        examine(description(examined.app, config), group, found)
        if found.cases >= cases:
            break
    told = {"group": group or "all", "mode": mode.name, "cases": found.cases}
    counts = {name: found.phases[name] for name in ("examples", "coverage", "fuzzing", "stateful")}
    results = {"beyond": found.excused, "failures": len(found.failures)}
    record_property("examined", json.dumps({**told, **counts, "probes": found.probes, **results}))
    if found.failures:
        pytest.fail("\n\n".join(f"{name}\n{text[:1500]}" for name, text in found.failures.items()))
    assert found.cases >= max(cases, 1)


def furnish(desk: Desk) -> dict[str, list[str]]:
    """Make what requests may be about; return known values of parameters."""
    desk.ok("POST", "/v1/calendars", {"name": "berlin", "time_zone": "Europe/Berlin", "hours": {}})
    desk.team("network")
    desk.team("second-line")
    desk.skill("vpn")
    desk.sla_policy("gold")
    agent = desk.agent(skills={"vpn": 3}, teams=["network"])
    absence = {"starts_at": "2026-01-05T09:00:00Z", "ends_at": "2026-01-06T09:00:00Z"}
    tickets = [desk.ticket() for _ in range(5)]
    ticket_ids = [ticket["id"] for ticket in tickets]
    link = {"kind": "link", "url": "https://files.example.com/recording.mp4"}
    attachments = desk.ok("POST", f"/v1/tickets/{ticket_ids[0]}/attachments", link)
    webhook = desk.webhook("http://127.0.0.1:9/")["id"]
    queued = desk.ok("POST", f"/v1/webhooks/{webhook}/test", {})
    upload = desk.ok("POST", "/v1/uploads", {"name": "screenshot.png", "size": 48})
    return {
        "path.agent_id": [agent],
        "path.absence_id": [desk.ok("POST", f"/v1/agents/{agent}/absences", absence)["id"]],
        "path.ticket_id": ticket_ids,
        "path.other_id": ticket_ids,
        "path.comment_id": [desk.say(ticket_ids[0], "Which client version is it?")["id"]],
        "path.attachment_id": [attachments["items"][0]["id"]],
        "path.upload_id": [upload["id"]],
        "path.requester_id": [tickets[0]["requester"]["id"]],
        "path.subscription_id": [webhook],
        "path.delivery_id": [queued["id"]],
        "path.event_type": ["ticket.created", "webhook.test"],
        "path.name": ["network", "vpn", "berlin", "gold", "default"],
        "header.If-Match": ["*"],
    }
