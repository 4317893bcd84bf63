"""Files and links on tickets over the API: sent, read, refused and deleted."""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from shared.db.engine import Database
from shared.db.models import Attachment
from shared.settings import Settings
from tests import files
from tests.attaching import attached, listed, send
from tests.desk import Desk
from tests.problems import assert_problem
from tests.rows import rows
from tests.waiting import in_threads


@pytest.fixture
def ticket_id(desk: Desk) -> str:
    return str(desk.ticket()["id"])


@pytest.fixture
def folder(settings: Settings) -> Path:
    return Path(settings.storage_url.partition(":")[2])


def contents(folder: Path) -> list[Path]:
    """Every file that the storage has, whole or arriving."""
    return [path for path in folder.rglob("*") if path.is_file()] if folder.exists() else []


def download(desk: Desk, attachment: dict[str, Any], **headers: str) -> Any:
    return desk.call("GET", attachment["url"], headers=headers)


def test_a_file_is_attached_told_listed_read_and_deleted(
    desk: Desk, ticket_id: str, folder: Path
) -> None:
    [found] = attached(desk, ticket_id, ("screen.png", files.png()))
    assert found["id"].startswith("att_")
    assert found["ticket_id"] == ticket_id
    assert (found["kind"], found["state"], found["comment_id"]) == ("file", "skipped", None)
    assert (found["name"], found["media_type"]) == ("screen.png", "image/png")
    assert found["size"] == len(files.png())
    assert found["sha256"] == hashlib.sha256(files.png()).hexdigest()
    assert found["url"] == f"/v1/attachments/{found['id']}/content"
    assert listed(desk, ticket_id) == [found]
    assert desk.ok("GET", f"/v1/attachments/{found['id']}") == found

    event = desk.events(ticket_id)[-1]
    assert (event["type"], event["sequence"]) == ("ticket.attached", 2)
    assert event["data"]["attachments"] == [found]
    assert event["data"]["ticket"]["version"] == desk.read(ticket_id)["version"] == 2

    with download(desk, found) as response:
        assert response.data == files.png()
    assert desk.call("DELETE", f"/v1/attachments/{found['id']}").status_code == 204
    assert contents(folder) == []
    assert listed(desk, ticket_id) == []
    assert desk.events(ticket_id)[-1]["data"]["changed"] == ["attachments"]
    for method, path in (("GET", ""), ("GET", "/content"), ("DELETE", "")):
        answer = desk.call(method, f"/v1/attachments/{found['id']}{path}")
        assert_problem(answer, 404, "not-found")


def test_several_files_come_in_one_form_or_none_of_them(
    desk: Desk, ticket_id: str, folder: Path
) -> None:
    both = attached(desk, ticket_id, ("a.txt", b"one"), ("b.pdf", files.pdf()))
    assert [each["media_type"] for each in both] == ["text/plain", "application/pdf"]
    assert desk.event_types(ticket_id).count("ticket.attached") == 1
    refused = send(desk, ticket_id, ("c.txt", b"two"), ("d.exe", b"MZ" + bytes(100)))
    assert_problem(refused, 415, "file-type-refused")
    assert listed(desk, ticket_id) == both
    assert len(contents(folder)) == 2


def test_a_list_comes_in_pages(desk: Desk, ticket_id: str) -> None:
    made = attached(desk, ticket_id, *((f"{number}.txt", b"x") for number in range(5)))
    url = f"/v1/tickets/{ticket_id}/attachments?limit=2"
    first = desk.ok("GET", url)
    second = desk.ok("GET", f"{url}&after={first['next']}")
    third = desk.ok("GET", f"{url}&after={second['next']}")
    assert first["items"] + second["items"] + third["items"] == made
    assert third["next"] is None


def test_a_link_is_attached_as_it_is_given(desk: Desk, ticket_id: str) -> None:
    url = "https://files.example.com/recording.mp4?x=1#t=10"
    path = f"/v1/tickets/{ticket_id}/attachments"
    [found] = desk.ok("POST", path, {"kind": "link", "url": url})["items"]
    assert (found["kind"], found["url"], found["name"]) == ("link", url, url)
    assert (found["size"], found["sha256"], found["media_type"]) == (None, None, None)
    assert found["state"] == "skipped"
    [named] = desk.ok("POST", path, {"kind": "link", "url": url, "name": "../the video"})["items"]
    assert named["name"] == "the video"
    assert_problem(desk.call("GET", f"/v1/attachments/{found['id']}/content"), 404, "not-found")
    assert desk.call("DELETE", f"/v1/attachments/{found['id']}").status_code == 204
    assert listed(desk, ticket_id) == [named]


NO_LINKS = [
    "javascript:alert(1)",
    "data:text/html,x",
    "file:///etc/passwd",
    "ftp://example.com/x",
    "//example.com/x",
    "example.com",
    "https://",
    "http:///x",
    "https://user@example.com/",
    "https://example.com:pw@evil.example/",
    "https://exa mple.com/",
    "https://example.com/\n",
    "https://example.com/<script>",
    "https://[::1/",
    "https://example.com:99999/",
    "https://пример.рф/",
    "https://example.com\\@evil.example/",
    "",
    7,
    None,
    "https://example.com/" + "x" * 2048,
]


@pytest.mark.parametrize("mode", ["embedded"], indirect=True)
def test_what_is_no_link_is_refused(desk: Desk, ticket_id: str, subtests: pytest.Subtests) -> None:
    for url in NO_LINKS:
        with subtests.test(url=url):
            body = {"kind": "link", "url": url}
            answer = desk.call("POST", f"/v1/tickets/{ticket_id}/attachments", body)
            assert_problem(answer, 422, "invalid-input", ["/url"])
            assert listed(desk, ticket_id) == []


@pytest.mark.parametrize("mode", ["embedded"], indirect=True)
def test_a_link_needs_its_kind(desk: Desk, ticket_id: str) -> None:
    path = f"/v1/tickets/{ticket_id}/attachments"
    url = "https://example.com/"
    assert_problem(desk.call("POST", path, {"url": url}), 422, "invalid-input", ["/kind"])
    answer = desk.call("POST", path, {"kind": "file", "url": url})
    assert_problem(answer, 422, "invalid-input", ["/kind"])
    answer = desk.call("POST", path, data=b"x", content_type="text/plain")
    assert_problem(answer, 415, "unsupported-media-type")


def test_a_file_that_is_too_large_is_refused_with_the_limit_and_the_way_out(
    new_desk: Callable[..., Desk], settings: Settings, folder: Path
) -> None:
    desk = new_desk(replace(settings, attachment_max_bytes=1000))
    ticket_id = desk.ticket()["id"]
    attached(desk, ticket_id, ("fits.txt", b"x" * 1000))
    body = assert_problem(send(desk, ticket_id, ("more.txt", b"x" * 1001)), 413, "too-large")
    assert body["max_bytes"] == 1000
    assert "1000 bytes" in body["detail"]
    assert "Compress it" in body["detail"]
    assert '"kind": "link"' in body["detail"]
    assert len(contents(folder)) == 1


def test_a_ticket_holds_so_many_files_and_bytes_and_no_more(
    new_desk: Callable[..., Desk], settings: Settings, folder: Path
) -> None:
    limits = {"attachment_max_count": 3, "attachment_max_total_bytes": 1000}
    desk = new_desk(replace(settings, **limits))
    ticket_id = desk.ticket()["id"]
    attached(desk, ticket_id, ("a.txt", b"x" * 600))
    assert_problem(send(desk, ticket_id, ("b.txt", b"x" * 401)), 413, "too-large")
    both = send(desk, ticket_id, ("b.txt", b"x" * 600), ("c.txt", b"x" * 600))
    body = assert_problem(both, 413, "too-large")
    assert body["max_total_bytes"] == 1000
    attached(desk, ticket_id, ("b.txt", b"x" * 300), ("c.txt", b"x" * 100))
    body = assert_problem(send(desk, ticket_id, ("d.txt", b"x")), 413, "too-large")
    assert body["max_count"] == 3
    link = {"kind": "link", "url": "https://example.com/"}
    answer = desk.call("POST", f"/v1/tickets/{ticket_id}/attachments", link)
    assert_problem(answer, 413, "too-large")
    four = [(f"{number}.txt", b"x") for number in range(4)]
    assert_problem(send(desk, desk.ticket()["id"], *four), 413, "too-large")
    assert len(contents(folder)) == 3


def test_of_many_who_attach_at_once_only_so_many_do_as_the_ticket_holds(
    new_desk: Callable[..., Desk], settings: Settings, folder: Path
) -> None:
    desk = new_desk(replace(settings, attachment_max_count=5))
    ticket_id = desk.ticket()["id"]
    answers = in_threads(10, lambda number: send(desk, ticket_id, (f"{number}.txt", b"x")))
    assert sorted(answer.status_code for answer in answers) == [201] * 5 + [413] * 5
    assert len(listed(desk, ticket_id)) == len(contents(folder)) == 5
    sequences = [event["sequence"] for event in desk.events(ticket_id)]
    assert sequences == list(range(1, 7))


def test_a_name_is_cleaned_and_ends_as_its_content_does(desk: Desk, ticket_id: str) -> None:
    found = attached(
        desk,
        ticket_id,
        ("../../../etc/passwd", b"root"),
        ("invoice.bat", b"del *.*"),
        ("photo.png", files.pdf()),
        ("Отчёт.pdf", files.pdf()),
        ("CON.txt", b"x"),
    )
    names = ["passwd.txt", "invoice.bat.txt", "photo.png.pdf", "Отчёт.pdf", "_CON.txt"]
    assert [each["name"] for each in found] == names


@pytest.mark.parametrize("mode", ["embedded"], indirect=True)
def test_content_decides_and_refusals_say_what_was_found(desk: Desk, ticket_id: str) -> None:
    body = assert_problem(
        send(desk, ticket_id, ("photo.png", b"MZ" + bytes(100))), 415, "file-type-refused"
    )
    assert body["detected"] == "application/vnd.microsoft.portable-executable"
    assert "image/png" in body["allowed"]
    bomb = files.zipped({"zeros": bytes(30 << 20)})
    body = assert_problem(send(desk, ticket_id, ("a.zip", bomb)), 422, "file-refused")
    assert body["reason"] == "bomb"
    body = assert_problem(send(desk, ticket_id, ("a.txt", b"")), 422, "file-refused")
    assert body["reason"] == "empty"


@pytest.mark.parametrize("mode", ["embedded"], indirect=True)
@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"\r\n", "multipart/form-data", 400),
        (b"\r\n", "multipart/form-data; boundary=x", 400),
        (b"nonsense", "multipart/form-data; boundary=x", 400),
        (b"--x--\r\n", "multipart/form-data; boundary=x", 422),
        (b"--x\r\nContent-Dispo", "multipart/form-data; boundary=x", 400),
        (b"--x\r\n\r\nno headers\r\n--x--", "multipart/form-data; boundary=x", 400),
        (
            b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\nhalf a fi',
            "multipart/form-data; boundary=x",
            400,
        ),
        (
            b'--x\r\nContent-Disposition: form-data; name="note"\r\n\r\nhello\r\n--x--',
            "multipart/form-data; boundary=x",
            422,
        ),
        (
            b"--x\r\n" + b"X: " + b"y" * 700_000 + b"\r\n\r\n\r\n--x--",
            "multipart/form-data; boundary=x",
            400,
        ),
        (b"--x--", "multipart/form-data; boundary=" + "x" * 201, 400),
        (b"{", "application/json", 400),
        (b"[]", "application/json", 422),
    ],
)
def test_a_body_that_is_no_form_is_refused_and_leaves_nothing(
    desk: Desk, ticket_id: str, folder: Path, body: bytes, kind: str, status: int
) -> None:
    path = f"/v1/tickets/{ticket_id}/attachments"
    answer = desk.call("POST", path, data=body, content_type=kind)
    assert_problem(answer, status, "malformed-request" if status == 400 else "invalid-input")
    assert contents(folder) == []
    assert listed(desk, ticket_id) == []


def test_a_ticket_that_is_not_there_takes_nothing(desk: Desk, folder: Path) -> None:
    assert_problem(send(desk, "tkt_none", ("a.txt", b"x")), 404, "not-found")
    assert_problem(desk.call("GET", "/v1/tickets/tkt_none/attachments"), 404, "not-found")
    assert contents(folder) == []


def test_what_the_storage_cannot_take_is_attached_nowhere(
    desk: Desk, ticket_id: str, folder: Path, database: Database
) -> None:
    folder.parent.mkdir(exist_ok=True)
    folder.write_text("a file where the folder should be")
    answer = send(desk, ticket_id, ("a.txt", b"x"))
    assert_problem(answer, 503, "unavailable")
    assert answer.headers["Retry-After"]
    assert rows(database, Attachment) == []
