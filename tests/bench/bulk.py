"""Bulk bodies: how many tickets a second, in how much memory, and what live requests feel of it."""

import http.client
import json
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

import psutil
from sqlalchemy import select

from deploy.local.servers import Servers
from shared.db import schema, ticket_changes
from shared.db.engine import Database
from shared.db.models import Assignment, Ticket
from shared.db.models.base import table
from shared.db.ticket_changes import NewTicket
from shared.domain.clock import SystemClock
from shared.schemas.ticket import CreateTicketSchema
from shared.waiting import wait_until
from tests.bench.desk import (
    Desk,
    Figures,
    desk,
    furnish,
    per_ticket_ms,
    start_intake,
    start_workers,
)
from tests.bench.load import percentile

PATIENCE_S = 900.0
#: Live tickets a second while the times of routing are measured.
LIVE_RATE = 50


def rate(servers: Servers, tickets: int) -> Figures:
    """Tickets a second of one intake, from the first byte sent to the last ticket stored.

    It has a process for each of two cores: Python uses one. The baseline stores tickets by the same
    code, one in each transaction.
    """
    with desk(servers, "bulk_rate") as made:
        start_intake(made, processes=2)
        furnish(made)
        _finish(made, _send(made, _file(1_000)))
        before, started = made.cpu(), time.perf_counter()
        job = _send(made, _file(tickets))
        received = time.perf_counter()
        _finish(made, job)
        ended = time.perf_counter()
        cpu = per_ticket_ms(before, made.cpu(), tickets)
    alone = _one_commit_each(servers, max(500, tickets // 200))
    return {
        "bulk_per_s": tickets / (ended - started),
        "bulk_received_per_s": tickets / (received - started),
        "bulk_cpu_ms": {name: cpu[name] for name in ("intake", "postgresql")},
        "single_commit_per_s": alone,
    }


def memory(servers: Servers, lines: int) -> Figures:
    """The most memory that intake has while it receives and handles a body, and has without one."""
    with desk(servers, "bulk_memory") as made:
        start_intake(made)
        furnish(made)
        _finish(made, _send(made, _file(1_000)))
        idle = made.memory_mb()["intake"]
        with _watching(made.processes["intake"]) as seen:
            _finish(made, _send(made, _file(lines)))
    return {
        "bulk_memory_lines": lines,
        "bulk_memory_idle_mb": idle,
        "bulk_memory_peak_mb": max(seen),
    }


def beside(servers: Servers, lines: int, requests: int, seconds: int) -> Figures:
    """What live requests and live routing have while a body is handled, against without one."""
    figures: Figures = {}
    with desk(servers, "bulk_beside_posts") as made:
        start_intake(made)
        furnish(made)
        made.load(64, 500)
        figures["live_alone_per_s"] = made.load(64, requests)["per_s"]
        job = _send(made, _file(lines))
        figures["live_beside_bulk_per_s"] = made.load(64, requests)["per_s"]
        figures["live_beside_bulk_whole"] = _running(made, job)
    with desk(servers, "bulk_beside_routing") as made:
        start_intake(made)
        furnish(made)
        start_workers(made)
        made.load(16, 200)
        alone = made.load(16, LIVE_RATE * seconds, LIVE_RATE)["accepted"]
        job = _send(made, _file(lines))
        during = made.load(16, LIVE_RATE * seconds, LIVE_RATE)["accepted"]
        figures["routing_beside_bulk_whole"] = _running(made, job)
        database = Database(made.settings["PATCHBAY_DATABASE_URL"])
        for name, accepted in (("alone", alone), ("beside_bulk", during)):
            waits = _routing_waits(database, list(accepted))
            figures[f"live_routing_{name}_p50_ms"] = percentile(waits, 0.5) * 1000
            figures[f"live_routing_{name}_p99_ms"] = percentile(waits, 0.99) * 1000
        database.close()
    return figures


def _routing_waits(database: Database, tickets: list[str]) -> list[float]:
    """Return the seconds from storing to assigning of tickets, all of which have an agent."""
    made, given = table(Ticket).c, table(Assignment).c

    def waits() -> list[float]:
        query = (
            select(made.created_at, given.started_at)
            .join(table(Assignment), given.ticket_id == made.id)
            .where(made.id.in_(tickets))
        )
        with database.reading() as connection:
            found = connection.execute(query).all()
        return sorted((row.started_at - row.created_at).total_seconds() for row in found)

    if not wait_until(lambda: len(waits()) >= len(tickets), PATIENCE_S):
        raise RuntimeError("live tickets were not routed")
    return waits()


def _one_commit_each(servers: Servers, tickets: int) -> float:
    database = Database(servers.postgres.create_database("bulk_baseline"))
    schema.migrate(database)
    # Nobody is there yet: the ticket names no team.
    content = CreateTicketSchema().load(json.loads(_line(1))) | {"team": None}
    started = time.perf_counter()
    for _ in range(tickets):
        with database.transaction() as tx:
            ticket_changes.create(tx, [NewTicket(content, "bench", "bench")], SystemClock().now())
    taken = time.perf_counter() - started
    database.close()
    return tickets / taken


def _line(number: int) -> str:
    return json.dumps(
        {
            "subject": f"VPN drops {number}",
            "description": "The tunnel comes up and drops again. " * 8,
            "requester": {"name": "Mira Petrova", "email": "mira@example.com", "locale": "en"},
            "type": "technical_problem",
            "category": "network",
            "impact": "medium",
            "urgency": "medium",
            "team": "network",
            "required_skills": [{"skill": "vpn", "level": 2}],
        }
    )


def _file(lines: int) -> IO[bytes]:
    """Return a temporary file of so many lines, at its beginning."""
    file = tempfile.TemporaryFile()  # noqa: SIM115 -- closed by `_send`
    for number in range(lines):
        file.write(_line(number).encode() + b"\n")
    return file


def _send(made: Desk, file: IO[bytes]) -> str:
    """Send a file as a job; return the job's id."""
    with file:
        length = file.tell()
        file.seek(0)
        connection = http.client.HTTPConnection("127.0.0.1", int(made.settings["PATCHBAY_PORT"]))
        headers = {
            "Authorization": f"Bearer {made.token}",
            "Content-Type": "application/x-ndjson",
            "Content-Length": str(length),
            "Prefer": "respond-async",
        }
        connection.request("POST", "/v1/tickets/bulk", file, headers)
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
    if answer.status != 202:
        raise RuntimeError(f"{answer.status}: {body!r}")
    return str(json.loads(body)["id"])


def _running(made: Desk, job: str) -> bool:
    """Tell whether a job is still under way: what was measured was beside it all the time."""
    return bool(made.call("GET", f"/v1/jobs/{job}")["state"] == "running")


def _finish(made: Desk, job: str) -> None:
    """Wait until a job is over and every line of it made a ticket."""

    def over() -> bool:
        return bool(made.call("GET", f"/v1/jobs/{job}")["state"] == "completed")

    # Each look costs what several tickets cost.
    if not wait_until(over, PATIENCE_S, every_s=0.1):
        raise RuntimeError("the job did not end")
    found = made.call("GET", f"/v1/jobs/{job}")
    if found["created"] != found["lines_received"]:
        raise RuntimeError(f"lines were refused: {found}")


@contextmanager
def _watching(root: psutil.Process) -> Iterator[list[float]]:
    """Note the resident memory of a process with its children, in MiB, until the block ends."""
    seen: list[float] = []
    done = threading.Event()

    def look() -> None:
        while not done.wait(0.1):
            members = [root, *root.children(recursive=True)]
            seen.append(sum(member.memory_info().rss for member in members) / 2**20)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield seen
    finally:
        done.set()
        thread.join()
