"""Downloads: safe headers, parts, conditions, and contents that are gone."""

from pathlib import Path
from typing import Any

import pytest

from shared.settings import Settings
from tests import files
from tests.attaching import attached
from tests.desk import Desk
from tests.problems import assert_problem

pytestmark = pytest.mark.parametrize("mode", ["embedded"], indirect=True)

TEXT = b"0123456789" * 100
ANSWER = "%D0%9E%D1%82%D0%B2%D0%B5%D1%82"


@pytest.fixture
def text(desk: Desk) -> dict[str, Any]:
    return attached(desk, desk.ticket()["id"], ("log.txt", TEXT))[0]


def get(desk: Desk, attachment: dict[str, Any], method: str = "GET", **headers: str) -> Any:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return desk.call(method, attachment["url"], headers=named)


def test_a_file_is_saved_and_runs_nowhere(desk: Desk, text: dict[str, Any]) -> None:
    with get(desk, text) as response:
        headers = response.headers
        assert response.data == TEXT
    assert headers["Content-Type"] == "text/plain"
    assert headers["Content-Length"] == str(len(TEXT))
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert headers["Cache-Control"] == "private, no-cache"
    assert headers["ETag"] == f'"{text["sha256"]}"'
    assert headers["Content-Disposition"].startswith("attachment; ")


@pytest.mark.parametrize(
    ("name", "disposition"),
    [
        ("a.png", "inline; filename=\"a.png\"; filename*=UTF-8''a.png"),
        ("a.pdf", "attachment; filename=\"a.pdf\"; filename*=UTF-8''a.pdf"),
        ("Ответ.pdf", f"attachment; filename=\"_____.pdf\"; filename*=UTF-8''{ANSWER}.pdf"),
        ("a';b.pdf", "attachment; filename=\"a__b.pdf\"; filename*=UTF-8''a%27%3Bb.pdf"),
    ],
)
def test_the_name_is_given_for_old_and_new_browsers(
    desk: Desk, name: str, disposition: str
) -> None:
    content = files.png() if name.endswith(".png") else files.pdf()
    [found] = attached(desk, desk.ticket()["id"], (name, content))
    with get(desk, found) as response:
        assert response.headers["Content-Disposition"] == disposition


@pytest.mark.parametrize(
    ("asked", "part", "content_range"),
    [
        ("bytes=0-9", TEXT[:10], "bytes 0-9/1000"),
        ("bytes=990-", TEXT[990:], "bytes 990-999/1000"),
        ("bytes=-5", TEXT[-5:], "bytes 995-999/1000"),
        ("bytes=5-100000", TEXT[5:], "bytes 5-999/1000"),
        ("bytes=-100000", TEXT, "bytes 0-999/1000"),
    ],
)
def test_a_part_is_sent_if_asked_for(
    desk: Desk, text: dict[str, Any], asked: str, part: bytes, content_range: str
) -> None:
    with get(desk, text, Range=asked) as response:
        assert response.status_code == 206
        assert response.data == part
        assert response.headers["Content-Range"] == content_range
        assert response.headers["Content-Length"] == str(len(part))


@pytest.mark.parametrize("asked", ["bytes=1000-", "bytes=5000-6000"])
def test_a_part_that_the_file_does_not_have_is_refused(
    desk: Desk, text: dict[str, Any], asked: str
) -> None:
    answer = get(desk, text, Range=asked)
    assert_problem(answer, 416, "range-not-satisfiable")
    assert answer.headers["Content-Range"] == "bytes */1000"


@pytest.mark.parametrize("asked", ["bytes=0-1,5-6", "lines=1-2", "bytes=9-1", "bytes", "bytes=a-b"])
def test_what_is_no_single_range_gets_the_whole(
    desk: Desk, text: dict[str, Any], asked: str
) -> None:
    with get(desk, text, Range=asked) as response:
        assert (response.status_code, response.data) == (200, TEXT)


def test_the_same_file_is_not_sent_twice(desk: Desk, text: dict[str, Any]) -> None:
    tag = f'"{text["sha256"]}"'
    with get(desk, text, If_None_Match=tag) as response:
        assert (response.status_code, response.data) == (304, b"")
        assert response.headers["ETag"] == tag
    with get(desk, text, If_None_Match='"other"') as response:
        assert response.status_code == 200
    with get(desk, text, Range="bytes=0-1", If_Range=tag) as response:
        assert response.data == TEXT[:2]
    with get(desk, text, Range="bytes=0-1", If_Range='"other"') as response:
        assert response.data == TEXT


def test_head_tells_the_size_and_sends_nothing(desk: Desk, text: dict[str, Any]) -> None:
    with get(desk, text, "HEAD") as response:
        assert (response.status_code, response.data) == (200, b"")
        assert response.headers["Content-Length"] == str(len(TEXT))


def test_a_content_that_is_gone_is_not_found(
    desk: Desk, text: dict[str, Any], settings: Settings
) -> None:
    for path in Path(settings.storage_url.partition(":")[2]).rglob("*"):
        if path.is_file():
            path.unlink()
    assert_problem(get(desk, text), 404, "not-found")


def test_nobody_downloads_without_a_key_that_may_read(desk: Desk, text: dict[str, Any]) -> None:
    answer = desk.app.test_client().get(text["url"])
    assert_problem(answer, 401, "unauthenticated")
