"""Refused input changes nothing and says why, as problem details (RFC 9457)."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from shared.db.models import Ticket
from shared.db.models.base import table
from shared.settings import Settings
from tests.desk import Desk, ticket_body
from tests.problems import assert_problem, assert_refused


@pytest.fixture(autouse=True)
def nothing_is_stored(database: Any) -> Any:
    yield
    with database.reading() as connection:
        count = connection.execute(select(func.count()).select_from(table(Ticket))).scalar_one()
    assert count == 0


def send(desk: Desk, data: bytes | str, content_type: str = "application/json") -> TestResponse:
    return desk.call("POST", "/v1/tickets", data=data, content_type=content_type)


@pytest.mark.parametrize("data", ["{", "", "nul", '{"subject": "a",}', b"\xff\xfe{}"])
def test_malformed_json_is_400(desk: Desk, data: bytes | str) -> None:
    assert_problem(send(desk, data), 400, "malformed-request")


@pytest.mark.parametrize("data", ["[" * 100_000, '{"custom_fields":' * 5_000])
def test_json_nested_beyond_reason_is_400(desk: Desk, data: str) -> None:
    assert_problem(send(desk, data), 400, "malformed-request")


@pytest.mark.parametrize("data", ["[]", '"a"', "null", "1"])
def test_json_that_is_no_object_is_422(desk: Desk, data: str) -> None:
    assert_problem(send(desk, data), 422, "invalid-input")


def test_every_wrong_field_is_named_by_its_pointer(desk: Desk) -> None:
    body = ticket_body(
        subject=7,
        impact="enormous",
        tags=["ok", "Not a slug"],
        required_skills=[{"skill": "vpn", "level": 9}],
        requester={"contacts": [{"type": "telegram"}], "email": "nobody"},
        colour="green",
    )
    pointers = [
        "/subject",
        "/impact",
        "/tags/1",
        "/required_skills/0/level",
        "/requester/contacts/0/value",
        "/requester/email",
        "/colour",
    ]
    assert_problem(desk.call("POST", "/v1/tickets", body), 422, "invalid-input", pointers)


def test_missing_fields_are_named(desk: Desk) -> None:
    assert_problem(send(desk, "{}"), 422, "invalid-input", ["/subject", "/requester"])


def test_a_requester_whom_nobody_can_reach_is_refused(desk: Desk) -> None:
    body = ticket_body(requester={"locale": "en"})
    assert_problem(desk.call("POST", "/v1/tickets", body), 422, "invalid-input", ["/requester"])


def test_a_pointer_escapes_what_rfc_6901_escapes(desk: Desk) -> None:
    body = ticket_body(**{"a/b~c": 1})
    assert_problem(desk.call("POST", "/v1/tickets", body), 422, "invalid-input", ["/a~1b~0c"])


def test_names_that_do_not_exist_are_refused(desk: Desk) -> None:
    body = ticket_body(team="nobody", required_skills=[{"skill": "magic", "level": 1}])
    pointers = ["/team", "/required_skills/0/skill"]
    assert_problem(desk.call("POST", "/v1/tickets", body), 422, "invalid-input", pointers)


@pytest.mark.parametrize("field", ["subject", "description", "category", "steps_to_reproduce"])
def test_the_nul_character_is_refused(desk: Desk, field: str) -> None:
    body = ticket_body(**{field: "a\x00b"})
    assert_problem(desk.call("POST", "/v1/tickets", body), 422, "invalid-input", [f"/{field}"])


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"a": "x\x00y"}, id="a NUL character"),
        pytest.param({"a": {"b": ["\x00"]}}, id="a NUL character deep inside"),
        pytest.param({"a": 2**70}, id="an integer beyond 64 bits"),
        pytest.param({"a": "\ud800"}, id="half a surrogate pair"),
        pytest.param({"\ud800": 1}, id="half a surrogate pair in a name"),
    ],
)
@pytest.mark.parametrize("key", [None, "k1"])
def test_custom_fields_that_cannot_be_kept_are_refused(
    desk: Desk, fields: dict[str, Any], key: str | None
) -> None:
    headers = {"Idempotency-Key": key} if key else {}
    response = desk.call("POST", "/v1/tickets", ticket_body(custom_fields=fields), headers=headers)
    assert_refused(response)


def test_custom_fields_nested_beyond_what_json_writers_take_are_refused(desk: Desk) -> None:
    deep: Any = 1
    for _ in range(300):
        deep = [deep]
    assert_refused(desk.call("POST", "/v1/tickets", ticket_body(custom_fields={"a": deep})))


def test_text_that_is_no_unicode_is_refused(desk: Desk) -> None:
    assert_refused(desk.call("POST", "/v1/tickets", ticket_body(subject="\ud800")))


def test_a_body_beyond_the_limit_is_413(settings: Settings, new_desk: Callable[..., Desk]) -> None:
    desk = new_desk(replace(settings, max_body_bytes=1000))
    response = desk.call("POST", "/v1/tickets", ticket_body(description="x" * 2000))
    assert "1000" in assert_problem(response, 413, "too-large")["detail"]


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_another_media_type_is_415(desk: Desk, content_type: str) -> None:
    assert_problem(send(desk, "{}", content_type), 415, "unsupported-media-type")


ONE_OF_THEM = [
    ("GET", "/v1/tickets/{}"),
    ("PATCH", "/v1/tickets/{}"),
    ("GET", "/v1/tickets/{}/events"),
    ("GET", "/v1/tickets/{}/decisions"),
    ("GET", "/v1/agents/{}"),
    ("PATCH", "/v1/agents/{}"),
    ("GET", "/v1/teams/{}"),
    ("PATCH", "/v1/teams/{}"),
    ("GET", "/v1/skills/{}"),
    ("GET", "/v1/calendars/{}"),
    ("PATCH", "/v1/calendars/{}"),
    ("DELETE", "/v1/calendars/{}"),
    ("GET", "/v1/agents/{}/absences"),
    ("DELETE", "/v1/agents/{}/absences/abs_1"),
    ("GET", "/v1/webhooks/{}"),
    ("PATCH", "/v1/webhooks/{}"),
    ("GET", "/v1/no-such-thing/{}"),
]


@pytest.mark.parametrize("key", ["tkt_" + "0" * 32, "x", "a%27%3B--", "%F0%9F%98%80"])
def test_an_unknown_id_is_404(desk: Desk, key: str) -> None:
    for method, path in ONE_OF_THEM:
        response = desk.call(method, path.format(key), {} if method == "PATCH" else None)
        assert_problem(response, 404, "not-found")


def test_an_id_with_a_nul_character_is_refused_like_any_other_wrong_one(desk: Desk) -> None:
    statuses = {
        (method, path): desk.call(
            method, path.format("%00"), {} if method == "PATCH" else None
        ).status_code
        for method, path in ONE_OF_THEM
    }
    assert {call for call, status in statuses.items() if status not in (400, 404)} == set()


def test_another_method_is_405_and_says_which_would_do(desk: Desk) -> None:
    response = desk.call("DELETE", "/v1/tickets")
    assert_problem(response, 405, "method-not-allowed")
    assert "POST" in response.headers["Allow"]


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("limit=0", "/query/limit"),
        ("limit=many", "/query/limit"),
        ("limit=100000", "/query/limit"),
        ("colour=green", "/query/colour"),
    ],
)
def test_an_invalid_query_is_422(desk: Desk, query: str, pointer: str) -> None:
    assert_problem(desk.call("GET", f"/v1/agents?{query}"), 422, "invalid-input", [pointer])


@pytest.mark.parametrize("path", ["/v1/agents", "/v1/tickets", "/v1/routing/rules/versions"])
def test_forged_cursors_and_those_of_other_lists_are_refused(desk: Desk, path: str) -> None:
    for name in ("a", "b"):
        desk.team(name)
    foreign = desk.ok("GET", "/v1/teams?limit=1")["next"]
    for forged in (foreign, foreign[:-1], "agt_0", "%00", "null", "..", "é", foreign + "A"):
        response = desk.call("GET", f"{path}?after={forged}")
        assert_problem(response, 422, "invalid-input", ["/query/after"])


def test_an_idempotency_key_has_a_length(desk: Desk) -> None:
    headers = {"Idempotency-Key": "k" * 256}
    response = desk.call("POST", "/v1/tickets", ticket_body(), headers=headers)
    assert_problem(response, 400, "malformed-request")


def test_the_request_id_of_the_caller_is_used_if_it_is_harmless(desk: Desk) -> None:
    given = desk.call("GET", "/v1/agents", headers={"X-Request-Id": "mine-1"})
    assert given.headers["X-Request-Id"] == "mine-1"
    made = desk.call("GET", "/v1/agents", headers={"X-Request-Id": "a b\x1f"})
    assert made.headers["X-Request-Id"].startswith("req_")
