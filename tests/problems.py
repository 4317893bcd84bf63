"""Checking that an answer is a problem (RFC 9457), of the right kind and with all its parts."""

from typing import Any

from werkzeug.test import TestResponse


def assert_problem(
    response: TestResponse, status: int, code: str, pointers: list[str] | None = None
) -> dict[str, Any]:
    """The answer is a problem with this status, code and, where given, pointers; return it."""
    assert response.status_code == status, response.get_data(as_text=True)
    assert response.content_type == "application/problem+json"
    body = dict(response.get_json())
    assert (body["status"], body["code"]) == (status, code)
    assert body["request_id"] == response.headers["X-Request-Id"]
    assert body["title"]
    assert body["detail"]
    assert body["type"].endswith(code)
    if pointers is not None:
        assert sorted(error["pointer"] for error in body["errors"]) == sorted(pointers)
        assert all(error["detail"] for error in body["errors"])
    return body


def assert_refused(response: TestResponse) -> None:
    """The request is refused as malformed or as invalid; which of them depends on the parser."""
    malformed = response.status_code == 400
    code = "malformed-request" if malformed else "invalid-input"
    assert_problem(response, 400 if malformed else 422, code)
