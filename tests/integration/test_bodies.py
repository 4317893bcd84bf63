"""Bodies of requests: packed, broken, too large; and the answers that are wanted."""

import gzip
import json
import zlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from shared.settings import Settings
from tests.desk import Desk, ticket_body
from tests.problems import assert_problem

BODY = json.dumps(ticket_body()).encode()
pytestmark = pytest.mark.parametrize("mode", ["embedded"], indirect=True)


def post(desk: Desk, data: bytes, encoding: str = "gzip", **headers: str) -> Any:
    given = {"Content-Encoding": encoding, **headers}
    return desk.call(
        "POST", "/v1/tickets", data=data, content_type="application/json", headers=given
    )


@pytest.mark.parametrize(
    ("data", "encoding"),
    [
        (gzip.compress(BODY), "gzip"),
        (gzip.compress(BODY), " X-GZIP "),
        (gzip.compress(BODY[:9]) + gzip.compress(BODY[9:]), "gzip"),
        (BODY, "identity"),
    ],
    ids=["gzip", "its old name", "two members", "identity"],
)
def test_a_packed_body_is_unpacked(desk: Desk, data: bytes, encoding: str) -> None:
    assert post(desk, data, encoding).get_json()["subject"] == ticket_body()["subject"]


@pytest.mark.parametrize("encoding", ["br", "deflate", "zstd", "gzip, gzip", "x" * 5000])
def test_another_encoding_is_415_and_told_what_would_do(desk: Desk, encoding: str) -> None:
    response = post(desk, BODY, encoding)
    assert_problem(response, 415, "unsupported-media-type")
    assert response.headers["Accept-Encoding"] == "gzip, identity"


@pytest.mark.parametrize(
    "data",
    [BODY, gzip.compress(BODY)[:-1], gzip.compress(BODY) + b"x", b"\x1f\x8b", zlib.compress(BODY)],
    ids=["not packed", "cut off", "more after it", "a beginning", "zlib"],
)
def test_what_is_no_gzip_is_400(desk: Desk, data: bytes) -> None:
    assert_problem(post(desk, data), 400, "malformed-request")


def test_a_zip_bomb_is_413_and_unpacked_no_further_than_the_limit(
    settings: Settings, new_desk: Callable[..., Desk]
) -> None:
    desk = new_desk(replace(settings, max_body_bytes=100_000))
    bomb = gzip.compress(b" " * 50_000_000)
    assert len(bomb) < 100_000
    assert "100000" in assert_problem(post(desk, bomb), 413, "too-large")["detail"]
    many = gzip.compress(b" " * 60_000) * 1000
    assert_problem(post(desk, many[:99_000]), 413, "too-large")
    just = json.dumps(ticket_body(description="x" * 90_000)).encode()
    assert post(desk, gzip.compress(just)).status_code == 201


def test_a_body_that_broke_off_stores_nothing(desk: Desk) -> None:
    client = desk.app.test_client()
    headers = {"Authorization": f"Bearer {desk.token}", "Content-Type": "application/json"}
    longer = {"CONTENT_LENGTH": str(len(BODY) + 10)}
    response = client.post("/v1/tickets", data=BODY, headers=headers, environ_overrides=longer)
    assert "broke off" in assert_problem(response, 400, "malformed-request")["detail"]


def test_json_says_where_it_is_broken(desk: Desk) -> None:
    problem = assert_problem(post(desk, b'{\n "a": 1,\n "a": 2}', "identity"), 400,
                             "malformed-request")  # fmt: skip
    assert "/a twice" in problem["detail"]
    problem = assert_problem(post(desk, b'{\n "a": nul}', "identity"), 400, "malformed-request")
    assert "line 2 column 7" in problem["detail"]


@pytest.mark.parametrize(
    "accept", ["*/*", "application/*", "application/problem+json", "text/html, */*;q=0.1", ""]
)
def test_json_is_among_what_is_accepted(desk: Desk, accept: str) -> None:
    assert desk.call("GET", "/v1/agents", headers={"Accept": accept}).status_code == 200


@pytest.mark.parametrize("accept", ["text/html", "application/xml, image/*"])
def test_who_takes_no_json_gets_406(desk: Desk, accept: str) -> None:
    response = desk.call("GET", "/v1/agents", headers={"Accept": accept})
    assert_problem(response, 406, "not-acceptable")
