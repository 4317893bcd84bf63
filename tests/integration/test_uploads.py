"""Files that are declared first, sent next, and brought along by a new ticket."""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from shared.db import ticket_changes
from shared.db.engine import Database
from shared.db.models import Ticket, Upload
from shared.domain.clock import ManualClock
from shared.domain.errors import InvalidInput, TooLarge
from shared.domain.ids import Prefix, new_id
from shared.settings import Settings
from tests import files
from tests.api_keys import create_key
from tests.attaching import listed, put, uploaded
from tests.desk import Desk, ticket_body
from tests.factories import ATTACHMENT_RULES, NOW
from tests.problems import assert_problem
from tests.rows import rows
from tests.waiting import in_threads


@pytest.fixture
def folder(settings: Settings) -> Path:
    return Path(settings.storage_url.partition(":")[2])


def contents(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()] if folder.exists() else []


def declare(desk: Desk, **changed: Any) -> dict[str, Any]:
    body = {"name": "screen.png", "size": len(files.png()), "media_type": "image/png", **changed}
    return dict(desk.ok("POST", "/v1/uploads", body))


def test_an_upload_is_declared_sent_and_brought_along_by_a_ticket(
    desk: Desk, database: Database
) -> None:
    sha256 = hashlib.sha256(files.png()).hexdigest()
    declared = declare(desk, sha256=sha256)
    assert declared["id"].startswith("upl_")
    assert declared["received"] is False
    assert declared["expires_at"] > declared["created_at"]
    path = f"/v1/uploads/{declared['id']}"
    assert declared["url"].startswith(f"{path}?token=")

    answer = put(desk, declared["url"], files.png())
    assert answer.status_code == 200, answer.get_data(as_text=True)
    received = answer.get_json()
    assert (received["received"], received["sha256"]) == (True, sha256)
    assert desk.ok("GET", path) == received

    ticket = desk.ticket(attachments=[declared["id"]])
    assert ticket["version"] == 2
    [attachment] = listed(desk, ticket["id"])
    assert (attachment["name"], attachment["sha256"]) == ("screen.png", sha256)
    assert desk.event_types(ticket["id"]) == ["ticket.created", "ticket.attached"]
    attached = desk.events(ticket["id"])[1]
    assert attached["data"]["attachments"] == [attachment]
    assert attached["data"]["ticket"] == ticket == desk.read(ticket["id"])
    with desk.call("GET", attachment["url"]) as response:
        assert response.data == files.png()
    assert rows(database, Upload) == []
    assert_problem(desk.call("GET", path), 404, "not-found")
    assert_problem(put(desk, declared["url"], files.png()), 404, "not-found")


def test_sending_the_same_again_does_no_harm_and_another_content_is_refused(
    desk: Desk, folder: Path
) -> None:
    declared = declare(desk, name="a.txt", size=3)
    first = put(desk, declared["url"], b"abc").get_json()
    assert put(desk, declared["url"], b"abc").get_json() == first
    assert_problem(put(desk, declared["url"], b"abd"), 422, "invalid-input", ["/sha256"])
    assert len(contents(folder)) == 1


@pytest.mark.parametrize("mode", ["embedded"], indirect=True)
def test_a_content_that_is_not_the_declared_one_is_refused_and_leaves_nothing(
    desk: Desk, folder: Path
) -> None:
    declared = declare(desk, name="a.txt", size=3, sha256="0" * 64)
    for content, pointer in ((b"ab", "/size"), (b"abcd", "/size"), (b"abc", "/sha256")):
        assert_problem(put(desk, declared["url"], content), 422, "invalid-input", [pointer])
    declared = declare(desk, name="a.png", size=100)
    answer = put(desk, declared["url"], b"MZ" + bytes(98))
    assert_problem(answer, 415, "file-type-refused")
    part = {"Content-Range": "bytes 0-2/6"}
    answer = put(desk, declared["url"], b"abc", headers=part)
    assert_problem(answer, 422, "invalid-input", ["/headers/Content-Range"])
    assert contents(folder) == []
    assert desk.ok("GET", f"/v1/uploads/{declared['id']}")["received"] is False


@pytest.mark.parametrize("mode", ["embedded"], indirect=True)
def test_only_the_token_lets_a_content_in(desk: Desk) -> None:
    declared = declare(desk)
    other = declare(desk)
    path, _, _ = declared["url"].partition("?")
    token = other["url"].partition("=")[2]
    for url in (path, f"{path}?token=", f"{path}?token=x", f"{path}?token={token}"):
        assert_problem(put(desk, url, files.png()), 403, "forbidden")
    assert_problem(put(desk, f"{path}?token=x&y=1", files.png()), 422, "invalid-input")
    assert_problem(put(desk, "/v1/uploads/upl_none?token=x", b"x"), 404, "not-found")


@pytest.mark.parametrize("mode", ["embedded"], indirect=True)
@pytest.mark.parametrize(
    ("changed", "pointer"),
    [
        ({"name": ""}, "/name"),
        ({"name": "a\x00b"}, "/name"),
        ({"size": 0}, "/size"),
        ({"size": -1}, "/size"),
        ({"size": "7"}, "/size"),
        ({"size": 1.5}, "/size"),
        ({"size": 2**60}, "/size"),
        ({"sha256": "abc"}, "/sha256"),
        ({"sha256": "A" * 64}, "/sha256"),
        ({"bogus": 1}, "/bogus"),
    ],
)
def test_what_cannot_be_declared_is_refused(
    desk: Desk, changed: dict[str, Any], pointer: str
) -> None:
    body = {"name": "a", "size": 1, **changed}
    assert_problem(desk.call("POST", "/v1/uploads", body), 422, "invalid-input", [pointer])


@pytest.mark.parametrize("mode", ["embedded"], indirect=True)
def test_what_is_too_large_is_refused_when_it_is_declared(desk: Desk) -> None:
    answer = desk.call("POST", "/v1/uploads", {"name": "film.mp4", "size": 26_214_401})
    assert assert_problem(answer, 413, "too-large")["max_bytes"] == 26_214_400


def test_a_ticket_that_names_what_it_cannot_have_is_not_made(
    desk: Desk, database: Database
) -> None:
    mine = uploaded(desk, "a.txt", b"abc")
    empty = declare(desk)["id"]
    stranger = Desk(desk.app, create_key(database, "other", ["*"]))
    theirs = uploaded(stranger, "b.txt", b"abc")
    unknown = new_id(Prefix.UPLOAD)
    body = ticket_body(attachments=[mine, empty, theirs, unknown])
    pointers = [f"/attachments/{index}" for index in (1, 2, 3)]
    assert_problem(desk.call("POST", "/v1/tickets", body), 422, "invalid-input", pointers)
    assert rows(database, Ticket) == []
    assert {row["id"] for row in rows(database, Upload)} == {mine, empty, theirs}
    assert len(listed(desk, desk.ticket(attachments=[mine])["id"])) == 1
    assert len(listed(stranger, stranger.ticket(attachments=[theirs])["id"])) == 1


@pytest.mark.parametrize("mode", ["embedded"], indirect=True)
@pytest.mark.parametrize(
    ("named", "pointer"),
    [
        (["tkt_" + "0" * 32], "/attachments/0"),
        (["upl_" + "0" * 32] * 2, "/attachments/1"),
        ([f"upl_{number:032x}" for number in range(101)], "/attachments"),
        ("upl_" + "0" * 32, "/attachments"),
    ],
)
def test_what_is_no_list_of_uploads_is_refused(desk: Desk, named: object, pointer: str) -> None:
    answer = desk.call("POST", "/v1/tickets", ticket_body(attachments=named))
    assert_problem(answer, 422, "invalid-input", [pointer])


def test_of_many_tickets_that_bring_the_same_upload_one_is_made(
    desk: Desk, database: Database
) -> None:
    upload = uploaded(desk, "a.txt", b"abc")
    body = ticket_body(attachments=[upload])
    answers = in_threads(12, lambda _: desk.call("POST", "/v1/tickets", body))
    assert sorted(answer.status_code for answer in answers) == [201] + [422] * 11
    assert len(rows(database, Ticket)) == 1


def test_tickets_in_one_batch_with_and_without_uploads_all_get_their_own(desk: Desk) -> None:
    uploads = [uploaded(desk, f"{number}.txt", b"abc") for number in range(8)]

    def make(number: int) -> dict[str, Any]:
        brought = uploads[number : number + 1] if number < 8 else []
        return desk.ticket(subject=str(number), attachments=brought)

    tickets = in_threads(16, make)
    for number, ticket in enumerate(tickets):
        names = [each["name"] for each in listed(desk, ticket["id"])]
        assert names == ([f"{number}.txt"] if number < 8 else [])
        assert ticket["version"] == (2 if number < 8 else 1)


def test_the_same_request_sent_twice_brings_its_upload_once(desk: Desk) -> None:
    body = ticket_body(attachments=[uploaded(desk, "a.txt", b"abc")])
    key = {"Idempotency-Key": "once"}
    first = desk.call("POST", "/v1/tickets", body, headers=key)
    second = desk.call("POST", "/v1/tickets", body, headers=key)
    assert first.get_json() == second.get_json()
    assert second.headers["Idempotency-Replayed"] == "true"


def test_a_ticket_brings_no_more_than_it_may_hold(
    new_desk: Callable[..., Desk], settings: Settings, database: Database
) -> None:
    limits = {"attachment_max_count": 2, "attachment_max_total_bytes": 10}
    desk = new_desk(replace(settings, **limits))
    small = [uploaded(desk, f"{number}.txt", b"x") for number in range(3)]
    large = [uploaded(desk, f"{number}.txt", b"x" * 6) for number in range(2)]
    for named in (small, large):
        answer = desk.call("POST", "/v1/tickets", ticket_body(attachments=named))
        assert_problem(answer, 413, "too-large")
    assert len(rows(database, Upload)) == 5


def test_an_upload_that_is_too_old_is_gone(
    new_runtime: Callable[..., Any], new_app: Callable[..., Any], token: str
) -> None:
    clock = ManualClock(NOW)
    desk = Desk(new_app(new_runtime(None, clock)), token)
    declared, sent = declare(desk), uploaded(desk, "a.txt", b"abc")
    clock.advance(timedelta(hours=24, seconds=1))
    assert_problem(put(desk, declared["url"], files.png()), 404, "not-found")
    answer = desk.call("POST", "/v1/tickets", ticket_body(attachments=[sent]))
    assert_problem(answer, 422, "invalid-input", ["/attachments/0"])


def test_uploads_are_bound_to_a_comment_without_an_event(desk: Desk, database: Database) -> None:
    """What comments use: rows only, the event is the comment's own."""
    ticket_id = desk.ticket()["id"]
    upload = uploaded(desk, "a.txt", b"abc")
    [row] = rows(database, Upload)
    arguments = (ticket_id, [upload], ATTACHMENT_RULES, row["created_at"], row["created_by"])
    with database.transaction() as tx:
        bound = ticket_changes.bind_uploads(tx, *arguments, "cmt_1")
    assert listed(desk, ticket_id) == bound
    assert bound[0]["comment_id"] == "cmt_1"
    assert desk.event_types(ticket_id) == ["ticket.created"]
    with pytest.raises(InvalidInput), database.transaction() as tx:
        ticket_changes.bind_uploads(tx, *arguments)
    arguments = (ticket_id, [uploaded(desk, "b.txt", b"x" * 999)], *arguments[2:])
    tight = replace(ATTACHMENT_RULES, max_count=1)
    with pytest.raises(TooLarge), database.transaction() as tx:
        ticket_changes.bind_uploads(tx, arguments[0], arguments[1], tight, *arguments[3:])
    assert len(rows(database, Upload)) == 1
