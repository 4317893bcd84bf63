"""A process that is killed in the middle of a bulk body: resumed, every line is there once."""

import http.client
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from shared.db.models import Ticket
from shared.db.models.base import table
from shared.waiting import wait_until
from tests.bulk import NDJSON, ndjson
from tests.desk import ticket_body
from tests.faults.conftest import Note
from tests.faults.desk import Desk
from tests.faults.modes import standalone

LINES = {"serve": 4_000, "intake": 20_000}
KILLS = 3
DEADLINE_S = 120.0
KEY = "bulk-of-the-test"

pytestmark = pytest.mark.xdist_group("faults-others")


@pytest.fixture(params=["serve", "intake"])
def desk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Desk]:
    """A desk whose process of this name takes bulk bodies."""
    if request.param == "serve":
        made = standalone(tmp_path)
    else:
        made = request.getfixturevalue("closed_desk")
        made.processes = {"intake": made.processes["intake"]}
    with made.open(agents=0) as opened:
        yield opened


@pytest.fixture
def process(desk: Desk) -> str:
    [name] = desk.processes
    return name


def tickets(count: int) -> bytes:
    """Lines without a key of their own: only the job keeps them from being made twice."""
    return ndjson(ticket_body(subject=f"Line {number}") for number in range(1, count + 1))


def headers(desk: Desk) -> dict[str, str]:
    return {
        "Authorization": f"Bearer {desk._token}",
        "Content-Type": NDJSON,
        "Idempotency-Key": KEY,
    }


def ask(desk: Desk, method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", desk._port, timeout=60)
    try:
        connection.request(method, path, body, headers(desk))
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def only_job(desk: Desk) -> Mapping[str, Any]:
    status, body = ask(desk, "GET", "/v1/jobs")
    assert status == 200, body
    items: Sequence[Mapping[str, Any]] = json.loads(body)["items"]
    return items[0] if items else {}


def lines_done(desk: Desk) -> int:
    return int(only_job(desk)["lines_done"])


def prove(desk: Desk, count: int) -> None:
    """Every line made one ticket, and its result says which."""
    assert wait_until(lambda: only_job(desk)["state"] == "completed", DEADLINE_S)
    job = only_job(desk)
    assert (job["created"], job["refused"], job["failed"]) == (count, 0, 0)
    _, body = ask(desk, "GET", f"/v1/jobs/{job['id']}/results")
    told = [json.loads(line) for line in body.splitlines()]
    assert [each["line"] for each in told] == list(range(1, count + 1))
    with desk._database.reading() as connection:
        columns = table(Ticket).c
        stored = connection.execute(select(columns.id, columns.subject)).all()
    assert len(stored) == count
    subjects = {row.id: row.subject for row in stored}
    assert [subjects[each["id"]] for each in told] == [f"Line {n}" for n in range(1, count + 1)]
    assert not desk.crashes()


def test_a_job_whose_process_is_killed_handles_every_line_once(
    desk: Desk, process: str, note: Note
) -> None:
    count = LINES[process]
    status, body = ask(desk, "POST", "/v1/tickets/bulk", tickets(count))
    assert status == 202, body
    for kill in range(KILLS):
        goal = (kill + 1) * count // (KILLS + 2)
        assert wait_until(lambda goal=goal: lines_done(desk) >= goal, DEADLINE_S)
        desk.processes[process].kill()
        desk.restart(process)
        note(f"{process} killed; {lines_done(desk)} of {count} lines were done")
    prove(desk, count)


def test_a_body_whose_receiver_is_killed_goes_on_when_it_is_sent_again(
    desk: Desk, process: str, note: Note
) -> None:
    count = LINES[process]
    body = tickets(count)
    connection = http.client.HTTPConnection("127.0.0.1", desk._port, timeout=60)
    connection.putrequest("POST", "/v1/tickets/bulk")
    for name, value in {**headers(desk), "Content-Length": str(len(body))}.items():
        connection.putheader(name, value)
    connection.endheaders()
    connection.send(body[: len(body) * 2 // 3])
    assert wait_until(lambda: only_job(desk).get("lines_received", 0) >= count // 2, DEADLINE_S)
    desk.processes[process].kill()
    connection.close()
    desk.restart(process)
    left = only_job(desk)
    note(f"{process} killed; {left['lines_received']} of {count} lines had come")
    assert (left["state"], left["lines_done"]) == ("receiving", 0)
    status, answer = ask(desk, "POST", "/v1/tickets/bulk", body)
    assert (status, json.loads(answer)["id"]) == (202, left["id"])
    prove(desk, count)
    status, answer = ask(desk, "POST", "/v1/tickets/bulk", body)
    assert (status, json.loads(answer)["state"]) == (202, "completed")
