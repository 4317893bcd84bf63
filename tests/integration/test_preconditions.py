"""Conditional requests (RFC 9110 §13): nobody overwrites what they have not seen."""

from typing import Any

import pytest

from tests.desk import Desk
from tests.problems import assert_problem


@pytest.fixture
def url(desk: Desk) -> str:
    """A ticket at version 2."""
    path = f"/v1/tickets/{desk.ticket()['id']}"
    desk.ok("PATCH", path, {"subject": "second"})
    return path


def patch(desk: Desk, url: str, tag: str) -> Any:
    return desk.call("PATCH", url, {"subject": "third"}, headers={"If-Match": tag})


def test_a_change_of_a_ticket_must_say_of_which_version(desk: Desk, url: str) -> None:
    problem = assert_problem(patch(desk, url, ""), 428, "precondition-required")
    assert problem["version"] == 2
    assert "If-Match: *" in problem["detail"]
    assert '"2"' in problem["detail"]
    assert desk.ok("GET", url)["subject"] == "second"


@pytest.mark.parametrize("tag", ['"2"', "*", ' "1" , "2"', '"1",,"2",', 'W/"1", "2"'])
def test_a_matching_tag_lets_the_change_through(desk: Desk, url: str, tag: str) -> None:
    response = patch(desk, url, tag)
    assert response.status_code == 200
    assert response.headers["ETag"] == '"3"'


@pytest.mark.parametrize("tag", ['"1"', '"3"', 'W/"2"', '"1", "22"', '"*"', '""'])
def test_another_tag_is_412(desk: Desk, url: str, tag: str) -> None:
    assert assert_problem(patch(desk, url, tag), 412, "version-mismatch")["version"] == 2


@pytest.mark.parametrize("tag", ["2", '"2', '"1" "2"', '*, "2"', 'w/"2"', "'2'"])
def test_what_is_no_tag_is_400(desk: Desk, url: str, tag: str) -> None:
    assert "If-Match" in assert_problem(patch(desk, url, tag), 400, "malformed-request")["detail"]


def test_an_unknown_ticket_is_404_before_anything_is_asked_of_its_version(desk: Desk) -> None:
    assert_problem(patch(desk, "/v1/tickets/tkt_" + "0" * 32, ""), 404, "not-found")


def test_a_step_takes_the_condition_too_and_does_not_need_it(desk: Desk, url: str) -> None:
    body = {"transition": "resolve"}
    response = desk.call("POST", f"{url}/transitions", body, headers={"If-Match": '"1"'})
    assert_problem(response, 412, "version-mismatch")
    assert desk.call("POST", f"{url}/transitions", body).status_code == 200


@pytest.mark.parametrize("tag", ['"2"', 'W/"2"', '"1", "2"', "*"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_an_answer_the_caller_has_is_304(desk: Desk, url: str, method: str, tag: str) -> None:
    response = desk.call(method, url, headers={"If-None-Match": tag})
    assert (response.status_code, response.get_data()) == (304, b"")
    assert response.headers["ETag"] == '"2"'
    assert "Content-Type" not in response.headers


def test_an_answer_the_caller_has_not_is_sent(desk: Desk, url: str) -> None:
    response = desk.call("GET", url, headers={"If-None-Match": '"1"'})
    assert response.get_json()["version"] == 2


@pytest.mark.parametrize("header", ["If-Match", "If-None-Match"])
@pytest.mark.parametrize("tag", ["", "nonsense", ","])
@pytest.mark.parametrize("method", ["GET", "PATCH"])
def test_a_condition_that_cannot_be_read_is_400_and_never_passed_over(
    desk: Desk, url: str, method: str, header: str, tag: str
) -> None:
    given = {"Authorization": f"Bearer {desk.token}", "If-Match": "*", header: tag}
    response = desk.app.test_client().open(url, method=method, json={}, headers=given)
    detail = assert_problem(response, 400, "malformed-request")["detail"]
    assert detail.startswith(f"{header} must be *, or entity tags")


def test_the_rule_set_is_conditional_in_the_same_way(desk: Desk) -> None:
    tag = desk.call("GET", "/v1/routing/rules").headers["ETag"]
    again = desk.call("GET", "/v1/routing/rules", headers={"If-None-Match": tag})
    assert again.status_code == 304


def test_head_answers_like_get_without_a_body(desk: Desk, url: str) -> None:
    for path in (url, "/v1/agents", "/v1/routing/rules"):
        head, get = desk.call("HEAD", path), desk.call("GET", path)
        assert (head.status_code, head.get_data()) == (200, b"")
        for name in ("ETag", "Content-Type", "Content-Length"):
            assert head.headers.get(name) == get.headers.get(name)


def test_options_tells_what_a_path_takes_without_a_key(desk: Desk, url: str) -> None:
    response = desk.app.test_client().options(url)
    assert response.status_code == 200
    assert {"GET", "HEAD", "PATCH", "OPTIONS"} <= set(response.headers["Allow"].split(", "))
    assert "application/merge-patch+json" in response.headers["Accept-Patch"]
