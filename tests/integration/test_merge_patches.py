"""PATCH: a merge patch (RFC 7396), under its own media type and under that of JSON."""

import json
from typing import Any

import pytest

from tests.desk import Desk, ticket_body
from tests.problems import assert_problem

MERGE_PATCH = "application/merge-patch+json"


def patch(desk: Desk, path: str, data: str, content_type: str = MERGE_PATCH) -> Any:
    return desk.call("PATCH", path, data=data, content_type=content_type)


@pytest.mark.parametrize("content_type", [MERGE_PATCH, "application/json"])
def test_custom_fields_are_merged_and_null_removes_one(desk: Desk, content_type: str) -> None:
    fields = {"asset": 17, "site": {"city": "Berlin", "floor": 2}, "parts": [1, 2]}
    url = f"/v1/tickets/{desk.ticket(custom_fields=fields)['id']}"
    data = '{"custom_fields": {"asset": null, "site": {"floor": 3}, "parts": [3], "new": true}}'
    changed = patch(desk, url, data, content_type).get_json()
    assert changed["custom_fields"] == {
        "site": {"city": "Berlin", "floor": 3},
        "parts": [3],
        "new": True,
    }
    assert desk.ok("GET", url)["custom_fields"] == changed["custom_fields"]


def test_null_empties_custom_fields_and_fields_that_may_be_null(desk: Desk) -> None:
    ticket = desk.ticket(custom_fields={"a": 1}, category="vpn")
    data = '{"custom_fields": null, "category": null}'
    changed = patch(desk, f"/v1/tickets/{ticket['id']}", data).get_json()
    assert (changed["custom_fields"], changed["category"]) == ({}, None)


def test_null_for_a_field_that_is_not_there_is_refused(desk: Desk) -> None:
    ticket = desk.ticket()
    for name in ("", "colour"):
        response = patch(desk, f"/v1/tickets/{ticket['id']}", json.dumps({name: None}))
        assert_problem(response, 422, "invalid-input", [f"/{name}"])


def test_a_patch_that_changes_nothing_makes_no_event(desk: Desk) -> None:
    ticket = desk.ticket(custom_fields={"a": 1})
    url = f"/v1/tickets/{ticket['id']}"
    for data in ("{}", '{"custom_fields": {"a": 1, "b": null}}', '{"custom_fields": {}}'):
        assert patch(desk, url, data).get_json()["version"] == 1
    assert desk.event_types(ticket["id"]) == ["ticket.created"]


def test_what_comes_out_of_a_patch_is_held_to_the_limits(desk: Desk) -> None:
    url = f"/v1/tickets/{desk.ticket(custom_fields={f'a{n}': n for n in range(100)})['id']}"
    response = patch(desk, url, '{"custom_fields": {"one_more": 1}}')
    assert_problem(response, 422, "invalid-input", ["/custom_fields"])


@pytest.mark.parametrize("data", ["[]", "null", '"a"', "1"])
def test_a_patch_is_an_object(desk: Desk, data: str) -> None:
    response = patch(desk, f"/v1/tickets/{desk.ticket()['id']}", data)
    assert_problem(response, 422, "invalid-input", [""])


@pytest.mark.parametrize("content_type", ["application/json-patch+json", "text/plain", ""])
def test_another_type_is_415_and_told_what_would_do(desk: Desk, content_type: str) -> None:
    response = patch(desk, f"/v1/tickets/{desk.ticket()['id']}", "{}", content_type)
    assert_problem(response, 415, "unsupported-media-type")
    assert response.headers["Accept-Patch"] == f"{MERGE_PATCH}, application/json"


def test_a_merge_patch_is_no_body_of_a_post(desk: Desk) -> None:
    response = desk.call("POST", "/v1/tickets", data="{}", content_type=MERGE_PATCH)
    assert_problem(response, 415, "unsupported-media-type")
    assert response.headers["Accept"] == "application/json"


def test_hours_of_a_calendar_are_merged_by_day(desk: Desk) -> None:
    nine = [{"start": "09:00", "end": "17:00"}]
    hours = {"monday": nine, "tuesday": nine}
    desk.ok("POST", "/v1/calendars", {"name": "berlin", "time_zone": "UTC", "hours": hours})
    data = '{"hours": {"monday": null, "friday": [{"start": "10:00", "end": "12:00"}]}}'
    changed = patch(desk, "/v1/calendars/berlin", data).get_json()["hours"]
    assert changed == {"tuesday": nine, "friday": [{"start": "10:00", "end": "12:00"}]}


def test_shifts_of_an_agent_are_merged(desk: Desk) -> None:
    nine = [{"start": "09:00", "end": "17:00"}]
    agent = desk.agent(shifts={"time_zone": "UTC", "hours": {"monday": nine}})
    data = '{"shifts": {"time_zone": "Europe/Berlin"}}'
    changed = patch(desk, f"/v1/agents/{agent}", data).get_json()["shifts"]
    assert changed == {"time_zone": "Europe/Berlin", "hours": {"monday": nine}}


@pytest.mark.parametrize("kind", ["teams/network", "webhooks/{}", "agents/{}", "calendars/x"])
def test_every_patch_takes_the_media_type(desk: Desk, kind: str) -> None:
    desk.team("network")
    desk.ok("POST", "/v1/calendars", {"name": "x", "time_zone": "UTC", "hours": {}})
    made = desk.webhook("https://127.0.0.1/")["id"] if "webhooks" in kind else desk.agent()
    assert patch(desk, f"/v1/{kind.format(made)}", "{}").status_code == 200


def test_an_unknown_requester_cannot_be_patched_in(desk: Desk) -> None:
    body = {"requester": ticket_body()["requester"]}
    response = desk.call("PATCH", f"/v1/tickets/{desk.ticket()['id']}", body)
    assert_problem(response, 422, "invalid-input", ["/requester"])
