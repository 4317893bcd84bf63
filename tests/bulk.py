"""Bulk bodies for tests, and the calls that send them."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from werkzeug.test import TestResponse

from services.intake import bootstrap
from shared.domain.work import ListName
from shared.runtime import Runtime
from tests.desk import Desk, ticket_body

NDJSON = "application/x-ndjson"


def ndjson(documents: Iterable[Any]) -> bytes:
    """Lines of JSON; text and bytes stand for themselves."""
    return b"".join(_line(each) + b"\n" for each in documents)


def bulk_tickets(count: int, **changed: Any) -> list[dict[str, Any]]:
    """Lines that are told apart by their external ids."""
    return [
        ticket_body(subject=f"Ticket {number}", external_id=f"ext-{number}", **changed)
        for number in range(1, count + 1)
    ]


def send(
    desk: Desk,
    body: bytes | Iterable[Any],
    query: str = "",
    headers: Mapping[str, str] | None = None,
) -> TestResponse:
    """POST a bulk body."""
    data = body if isinstance(body, bytes) else ndjson(body)
    given = {"Content-Type": NDJSON, **(headers or {})}
    return desk.call("POST", f"/v1/tickets/bulk{query}", headers=given, data=data)


def send_now(desk: Desk, body: bytes | Iterable[Any], query: str = "") -> list[dict[str, Any]]:
    """POST a small bulk body; return its results."""
    response = send(desk, body, query)
    assert response.status_code == 207, response.get_data(as_text=True)
    return lines_of(response)


def send_job(
    desk: Desk, body: bytes | Iterable[Any], query: str = "", **headers: str
) -> dict[str, Any]:
    """POST a bulk body as a job; return the job."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    response = send(desk, body, query, {"Prefer": "respond-async", **named})
    assert response.status_code == 202, response.get_data(as_text=True)
    return dict(response.get_json())


def lines_of(response: TestResponse) -> list[dict[str, Any]]:
    return [json.loads(line) for line in response.get_data().splitlines()]


def results(desk: Desk, job_id: str, query: str = "") -> list[dict[str, Any]]:
    return lines_of(desk.call("GET", f"/v1/jobs/{job_id}/results{query}"))


def job(desk: Desk, job_id: str) -> dict[str, Any]:
    return dict(desk.ok("GET", f"/v1/jobs/{job_id}"))


def work_off(runtime: Runtime) -> int:
    """Handle the chunks that are ready; return how many there were."""
    lists = bootstrap.build_worker(runtime).lists
    [runner] = [bound.runner for bound in lists if bound.runner.name is ListName.BULK]
    return runner()


def _line(document: Any) -> bytes:
    if isinstance(document, bytes):
        return document
    return document.encode() if isinstance(document, str) else json.dumps(document).encode()
