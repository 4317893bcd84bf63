"""Many tickets in one request: each line by itself, each ticket once."""

import gzip
from dataclasses import replace
from io import BytesIO
from typing import Any

import pytest
from sqlalchemy import text

from shared.db.engine import Database
from shared.db.models import AuditEntry, Ticket, TicketEvent
from shared.db.work_lists import BULK_CHUNKS
from shared.domain.role import Role
from shared.domain.ticket import TicketStatus
from shared.runtime import Runtime
from tests.api_keys import create_key
from tests.bulk import (
    bulk_tickets,
    job,
    lines_of,
    ndjson,
    results,
    send,
    send_job,
    send_now,
    work_off,
)
from tests.desk import Desk, ticket_body
from tests.invariants import assert_sound
from tests.problems import assert_problem
from tests.rows import rows


def test_a_small_body_is_answered_with_a_result_for_each_line(desk: Desk) -> None:
    response = send(desk, bulk_tickets(3))
    assert response.status_code == 207
    assert response.mimetype == "application/x-ndjson"
    told = send_now(desk, bulk_tickets(4))
    assert [(each["line"], each["status"]) for each in told] == [
        (1, 200), (2, 200), (3, 200), (4, 201),
    ]  # fmt: skip
    assert desk.read(told[3]["id"])["number"] == told[3]["number"]
    assert desk.read(told[0]["id"])["subject"] == "Ticket 1"


def test_bulk_tickets_are_in_the_bulk_lane_unless_they_say_otherwise(
    desk: Desk, database: Database
) -> None:
    send_now(desk, [ticket_body(), ticket_body(lane="live")])
    send_now(desk, [ticket_body()], "?lane=live")
    ranks = [row["rank"] for row in sorted(rows(database, Ticket), key=lambda r: r["number"])]
    assert [rank >= 10 for rank in ranks] == [True, False, False]


def test_good_lines_go_through_and_bad_ones_say_what_is_wrong(desk: Desk) -> None:
    told = send_now(
        desk,
        [
            ticket_body(),
            b'{"subject": "cut of',
            ticket_body(subject=""),
            b"\xff\xfe",
            "",
            "   ",
            '"text"',
            ticket_body(team="nowhere"),
            ticket_body(nonsense=1),
        ],
    )
    assert [(each["line"], each["status"]) for each in told] == [
        (1, 201), (2, 400), (3, 422), (4, 400), (7, 422), (8, 422), (9, 422),
    ]  # fmt: skip
    problems = {each["line"]: each["problem"] for each in told if "problem" in each}
    assert "not JSON" in problems[2]["detail"]
    assert problems[3]["errors"][0]["pointer"] == "/subject"
    assert "not UTF-8: byte 1" in problems[4]["detail"]
    assert problems[8]["errors"] == [{"pointer": "/team", "detail": "There is no team 'nowhere'."}]
    assert problems[9]["errors"][0]["pointer"] == "/nonsense"
    assert problems[9]["code"] == "invalid-input"


def test_a_byte_order_mark_and_carriage_returns_are_no_matter(desk: Desk) -> None:
    body = b"\xef\xbb\xbf" + ndjson([ticket_body()] * 2).replace(b"\n", b"\r\n") + b"\r\n"
    assert [each["status"] for each in send_now(desk, body)] == [201, 201]


def test_the_last_line_needs_no_end_and_says_so_when_it_is_torn(desk: Desk) -> None:
    whole = ndjson([ticket_body()] * 2)
    assert [each["status"] for each in send_now(desk, whole[:-1])] == [201, 201]
    told = send_now(desk, whole[:-10])
    assert [each["status"] for each in told] == [201, 400]
    assert "not JSON" in told[1]["problem"]["detail"]


def test_lines_are_limited_each_and_all(new_desk: Any, settings: Any) -> None:
    small = replace(settings, max_body_bytes=1000, bulk_max_lines=4, bulk_max_bytes=8000)
    desk = new_desk(small)
    told = send_now(desk, [ticket_body(), ticket_body(description="x" * 1000), ticket_body()])
    assert [each["status"] for each in told] == [201, 413, 201]
    assert told[1]["problem"]["code"] == "too-large"
    many = send(desk, [ticket_body()] * 5)
    assert "more than 4 lines" in assert_problem(many, 413, "too-large")["detail"]
    assert_problem(send(desk, b"\n" * 8001), 413, "too-large")


def test_a_packed_body_is_unpacked_and_limited(new_desk: Any, settings: Any) -> None:
    desk = new_desk(replace(settings, bulk_max_bytes=100_000))
    packed = {"Content-Encoding": "gzip"}
    two = gzip.compress(ndjson([ticket_body()])) + gzip.compress(ndjson([ticket_body()]))
    assert send(desk, two, headers=packed).status_code == 207
    bomb = gzip.compress(b" " * 10_000_000)
    assert_problem(send(desk, bomb, headers=packed), 413, "too-large")
    torn = gzip.compress(ndjson(bulk_tickets(50)))[:-20]
    assert (
        "breaks off"
        in assert_problem(send(desk, torn, headers=packed), 400, "malformed-request")["detail"]
    )
    assert_problem(send(desk, b"no gzip", headers=packed), 400, "malformed-request")
    assert_problem(
        send(desk, b"", headers={"Content-Encoding": "br"}), 415, "unsupported-media-type"
    )


@pytest.mark.parametrize("query", ["?lane=fast", "?mode=replace", "?dry_run=maybe", "?from_line=0"])
def test_wrong_options_are_refused(desk: Desk, query: str) -> None:
    problem = assert_problem(send(desk, [ticket_body()], query), 422, "invalid-input")
    assert problem["errors"][0]["pointer"].endswith(query[1:].partition("=")[0])


def test_another_media_type_is_refused(desk: Desk) -> None:
    answer = send(desk, [ticket_body()], headers={"Content-Type": "application/json"})
    problem = assert_problem(answer, 415, "unsupported-media-type")
    assert "application/x-ndjson" in problem["detail"]
    jsonl = send(desk, [ticket_body()], headers={"Content-Type": "application/jsonl"})
    assert (jsonl.status_code, jsonl.mimetype) == (207, "application/jsonl")


def test_a_body_without_length_is_refused_unless_it_is_packed(desk: Desk) -> None:
    def stream(data: bytes, **headers: str) -> Any:
        return desk.call(
            "POST",
            "/v1/tickets/bulk",
            headers={
                "Content-Type": "application/x-ndjson",
                "Transfer-Encoding": "chunked",
                **headers,
            },
            input_stream=BytesIO(data),
            environ_overrides={"wsgi.input_terminated": True},
        )

    body = ndjson([ticket_body()])
    assert_problem(stream(body), 411, "length-required")
    packed = stream(gzip.compress(body), **{"Content-Encoding": "gzip"})
    assert packed.status_code == 207


def test_a_line_with_a_key_makes_one_ticket_however_often_it_comes(
    desk: Desk, database: Database
) -> None:
    line = ticket_body(idempotency_key="a")
    told = send_now(desk, [line, line, ticket_body(subject="Other", idempotency_key="a")])
    assert [each["status"] for each in told] == [201, 200, 422]
    assert told[0]["id"] == told[1]["id"]
    assert told[2]["problem"]["code"] == "idempotency-key-reused"
    again = send_now(desk, [line, ticket_body(subject="Other", idempotency_key="a")])
    assert [each["status"] for each in again] == [200, 422]
    assert again[0]["id"] == told[0]["id"]
    assert len(rows(database, Ticket)) == 1


def test_two_lines_with_one_external_id_make_one_ticket(desk: Desk) -> None:
    told = send_now(desk, [ticket_body(external_id="x"), ticket_body(external_id="x")])
    assert [each["status"] for each in told] == [201, 200]
    assert told[0]["id"] == told[1]["id"]


def test_a_dry_run_checks_everything_and_changes_nothing(desk: Desk, database: Database) -> None:
    told = send_now(desk, [*bulk_tickets(2), ticket_body(subject="")], "?dry_run=true")
    assert [each["status"] for each in told] == [201, 201, 422]
    assert "id" not in told[0]
    assert rows(database, Ticket) == []
    made = send_job(desk, bulk_tickets(2), "?dry_run=true")
    assert made["dry_run"]


def test_one_line_that_the_database_refuses_takes_no_other_along(
    desk: Desk, database: Database
) -> None:
    # The team goes away between the look at the names and the storing of the lines.
    desk.team("network")
    desk.ok("POST", "/v1/tickets", ticket_body(team="network"))
    for row in rows(database, Ticket):
        assert row["team"] == "network"
    send_now(desk, [ticket_body(team="network")])
    with database.transaction() as tx:
        tx.execute(text("UPDATE tickets SET team = NULL"))
        tx.execute(text("DELETE FROM teams"))
    told = send_now(desk, [*bulk_tickets(2), ticket_body(team="network"), ticket_body()])
    assert [each["status"] for each in told] == [201, 201, 409, 201]
    assert_sound(database)


def test_a_large_body_becomes_a_job(desk: Desk, runtime: Runtime, database: Database) -> None:
    response = send(desk, bulk_tickets(1100))
    assert response.status_code == 202
    made = response.get_json()
    assert response.headers["Location"] == f"/v1/jobs/{made['id']}"
    assert (made["state"], made["lines_received"], made["lines_done"]) == ("queued", 1100, 0)
    assert rows(database, Ticket) == []
    assert work_off(runtime) == 3
    over = job(desk, made["id"])
    assert (over["state"], over["lines_done"], over["created"]) == ("completed", 1100, 1100)
    told = results(desk, made["id"])
    assert [each["line"] for each in told] == list(range(1, 1101))
    assert {each["status"] for each in told} == {201}
    assert {row["external_id"] for row in rows(database, Ticket)} == {
        f"ext-{number}" for number in range(1, 1101)
    }
    assert len(rows(database, TicketEvent)) == 1100
    assert_sound(database)
    again = send_job(desk, bulk_tickets(1100))
    work_off(runtime)
    assert job(desk, again["id"])["known"] == 1100
    assert len(rows(database, Ticket)) == 1100


def test_a_job_tells_which_lines_were_refused(desk: Desk, runtime: Runtime) -> None:
    made = send_job(desk, [ticket_body(), "no", ticket_body(), ticket_body(subject="")])
    work_off(runtime)
    over = job(desk, made["id"])
    assert (over["created"], over["refused"]) == (2, 2)
    assert [each["line"] for each in results(desk, made["id"], "?refused=true")] == [2, 4]


def test_the_same_key_and_body_is_the_same_job(desk: Desk, runtime: Runtime) -> None:
    key = {"Idempotency_Key": '"file-1"'}
    first = send_job(desk, bulk_tickets(700), **key)
    response = send(desk, bulk_tickets(700), headers={"Idempotency-Key": "file-1"})
    assert response.status_code == 202
    assert response.headers["Idempotency-Replayed"] == "true"
    assert response.get_json()["id"] == first["id"]
    for other in (bulk_tickets(701), bulk_tickets(500), bulk_tickets(699), bulk_tickets(3)):
        answer = send(desk, other, headers={"Idempotency-Key": "file-1"})
        assert_problem(answer, 422, "idempotency-key-reused")
    answer = send(desk, bulk_tickets(700), "?dry_run=true", {"Idempotency-Key": "file-1"})
    assert_problem(answer, 422, "idempotency-key-reused")
    work_off(runtime)
    assert job(desk, first["id"])["created"] == 700


def torn(desk: Desk, body: bytes, length: int, **headers: str) -> Any:
    """Send a body that breaks off: fewer bytes come than its length says."""
    return desk.call(
        "POST",
        "/v1/tickets/bulk",
        headers={"Content-Type": "application/x-ndjson", "Prefer": "respond-async", **headers},
        input_stream=BytesIO(body),
        environ_overrides={"CONTENT_LENGTH": str(length), "wsgi.input_terminated": True},
    )


def test_a_body_that_broke_off_goes_on_where_it_broke(
    desk: Desk, runtime: Runtime, database: Database
) -> None:
    body = ndjson(bulk_tickets(1700))
    key = {"Idempotency-Key": "file-2"}
    answer = torn(desk, body[:-40_000], len(body), **key)
    assert "broke off" in assert_problem(answer, 400, "malformed-request")["detail"]
    [left] = desk.ok("GET", "/v1/jobs")["items"]
    assert (left["state"], left["lines_received"]) == ("receiving", 1000)
    assert work_off(runtime) == 0
    made = send(desk, body, headers=key)
    assert made.status_code == 202
    assert made.get_json()["lines_received"] == 1700
    work_off(runtime)
    assert job(desk, left["id"])["created"] == 1700
    assert len(rows(database, Ticket)) == 1700


def test_a_body_may_be_resumed_from_a_line(desk: Desk, runtime: Runtime) -> None:
    lines = bulk_tickets(1700)
    body = ndjson(lines)
    key = {"Idempotency-Key": "file-3"}
    torn(desk, body[:-40_000], len(body), **key)
    missing = send(desk, lines[1200:], "?from_line=1201", key)
    problem = assert_problem(missing, 409, "conflict")
    assert problem["lines_received"] == 1000
    made = send(desk, lines[900:], "?from_line=901", key).get_json()
    work_off(runtime)
    told = results(desk, made["id"])
    assert [each["line"] for each in told] == list(range(1, 1701))
    assert {each["status"] for each in told} == {201}


def test_a_body_without_key_that_breaks_off_leaves_nothing(desk: Desk) -> None:
    body = ndjson(bulk_tickets(1700))
    assert_problem(torn(desk, body[:-40_000], len(body)), 400, "malformed-request")
    assert desk.ok("GET", "/v1/jobs")["items"] == []


def test_a_cancelled_job_makes_nothing_more(
    desk: Desk, runtime: Runtime, database: Database
) -> None:
    made = send_job(desk, bulk_tickets(600))
    assert desk.ok("DELETE", f"/v1/jobs/{made['id']}")["state"] == "cancelled"
    assert work_off(runtime) == 0
    assert rows(database, Ticket) == []
    other = send_job(desk, bulk_tickets(600))
    work_off(runtime)
    assert desk.ok("DELETE", f"/v1/jobs/{other['id']}")["state"] == "completed"
    acts = [row for row in rows(database, AuditEntry) if row["action"] == "job.cancelled"]
    assert [row["target"] for row in acts] == [made["id"]]


def test_a_small_job_does_not_wait_for_a_large_one(desk: Desk, runtime: Runtime) -> None:
    large = send_job(desk, bulk_tickets(1600))
    small = send_job(desk, bulk_tickets(10))
    with runtime.database.transaction() as tx:
        claimed = BULK_CHUNKS.claim(tx, runtime.clock.now(), 3)
    assert [row["job_id"] for row in claimed] == [large["id"], small["id"], large["id"]]


def test_jobs_are_seen_by_their_key_and_by_leads(desk: Desk, database: Database) -> None:
    made = send_job(desk, bulk_tickets(2))
    agent = Desk(desk.app, create_key(database, "agent", ["tickets:write"], role=Role.AGENT))
    lead = Desk(desk.app, create_key(database, "lead", ["tickets:write"], role=Role.LEAD))
    assert_problem(agent.call("GET", f"/v1/jobs/{made['id']}"), 404, "not-found")
    assert_problem(agent.call("DELETE", f"/v1/jobs/{made['id']}"), 404, "not-found")
    assert agent.ok("GET", "/v1/jobs")["items"] == []
    assert [each["id"] for each in lead.ok("GET", "/v1/jobs")["items"]] == [made["id"]]


def test_a_router_takes_live_tickets_before_bulk_ones(shop: Any) -> None:
    shop.desk.team("network")
    shop.desk.agent(capacity=1, teams=["network"])
    send_now(shop.desk, [ticket_body(team="network", priority="critical")])
    live = shop.desk.ticket(team="network", priority="low")
    shop.settle()
    assert shop.desk.read(live["id"])["status"] == TicketStatus.OPEN


@pytest.mark.parametrize("mode", ["embedded"], indirect=True)
def test_problems_of_lines_are_in_the_language_of_whoever_reads_them(
    desk: Desk, runtime: Runtime
) -> None:
    wrong = {"subject": "s", "requester": {"name": "n"}, "team": "none-such"}
    job_id = send_job(desk, [wrong, ticket_body()])["id"]
    work_off(runtime)
    desk.headers["Accept-Language"] = "ru"
    now = send(desk, [wrong])
    assert (now.headers["Content-Language"], now.headers["Vary"]) == ("ru, en", "Accept-Language")
    [told], [stored, made] = lines_of(now), results(desk, job_id)
    assert told["problem"] == stored["problem"]
    assert stored["problem"]["detail"] == "Заявка ссылается на то, чего нет."
    assert stored["problem"]["errors"][0]["detail"] == "Команды 'none-such' нет."
    assert "problem" not in made
    desk.headers.clear()
    assert "does not exist" in results(desk, job_id, "?refused=true")[0]["problem"]["detail"]
