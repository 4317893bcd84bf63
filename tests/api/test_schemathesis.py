"""The API does what its description says, as schemathesis sees it, in both modes."""

from collections.abc import Callable

import pytest

from shared.messaging.worker_host import WorkerHost
from shared.runtime import Runtime
from tests.api.examining import configuration, description, examine
from tests.desk import Desk

_METHODS = {"get", "post", "put", "patch", "delete"}


def test_every_group_of_operations_keeps_to_its_description(
    desk: Desk,
    runtime: Runtime,
    start_host: Callable[..., WorkerHost],
    cases: int,
    record_property: Callable[[str, object], None],
) -> None:
    start_host(runtime, ["router"])  # which answers questions
    known = furnish(desk)
    failures: dict[str, str] = {}
    # A glance goes over all of them at once: reading the description takes longer than it does.
    for group, operations in groups(desk).items() if cases else [(None, 1)]:
        config = configuration(desk.token, known, operations, cases)
        found = examine(description(desk.app, config), group)
        failures |= found.failures
        told = ", ".join(f"{name} {count}" for name, count in found.phases.items())
        record_property(
            "examined",
            f"{group or 'all'}: {found.cases} ({told}), {found.excused} beyond schemas, "
            f"{len(found.failures)} failures",
        )
        assert found.cases > 0, group
    if failures:
        pytest.fail("\n\n".join(f"{name}\n{text[:1500]}" for name, text in failures.items()))


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
        "path.subscription_id": [desk.webhook("http://127.0.0.1:9/")["id"]],
        "path.name": ["network", "vpn", "berlin", "gold", "default"],
        "header.If-Match": ["*"],
    }


def groups(desk: Desk) -> dict[str, int]:
    """Return the groups of operations and how many each has."""
    document = desk.ok("GET", "/openapi.json")
    found: dict[str, int] = {}
    for item in document["paths"].values():
        for method in _METHODS & set(item):
            for tag in item[method]["tags"]:
                found[tag] = found.get(tag, 0) + 1
    return dict(sorted(found.items()))
