"""Traffic of every kind: files that are uploaded and attached, and bulk bodies, beside tickets.

Some of the files have a virus, and are named so.

What is sent and not answered is sent again, as `services.chaos.client` does, until it is.
"""

import json
import random
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

from services.chaos.client import Client
from shared.waiting import wait_until
from tests.bulk import NDJSON, ndjson
from tests.clamd import VIRUS
from tests.faults.load import Run, ticket_body

LINES = 5
#: What a file with a virus is called, and which share of the files are: one of so many.
INFECTED, INFECTED_OF = "infected.txt", 3
JOB_DEADLINE_S = 60.0
INTERVAL_S = 0.3


#: Sends one thing by a client.
Kind = Callable[[Run, Client, int], None]


@contextmanager
def traffic(run: Run, kinds: Sequence[Kind] = ()) -> Iterator[None]:
    """Send all kinds, or some, until the block ends; the run knows then what was made of them."""
    over = threading.Event()
    kinds = kinds or (upload, _bulk)
    with ThreadPoolExecutor(len(kinds)) as pool:
        sending: list[Future[None]] = [pool.submit(_go_on, run, kind, over) for kind in kinds]
        try:
            yield
        finally:
            over.set()
        for each in sending:
            each.result()


def _go_on(run: Run, send: Kind, over: threading.Event) -> None:
    client, number = run.desk.client(), 0
    try:
        while not over.wait(INTERVAL_S):
            send(run, client, number)
            number += 1
    finally:
        client.close()


def upload(run: Run, client: Client, number: int) -> None:
    """Declare a file, send it, and make a ticket of it."""
    content, name = f"What the printer says, {number}.\n".encode(), "printer.txt"
    if number % INFECTED_OF == 0:
        content, name = content + VIRUS, INFECTED
    declared = client.post("/v1/uploads", {"name": name, "size": len(content)})
    assert declared.status == 201, declared.document
    path = "/v1/uploads" + declared.document["url"].partition("/v1/uploads")[2]
    sent = client.send("PUT", path, content, {"Content-Type": "application/octet-stream"})
    # What was sent before, and not answered, is not taken again.
    assert sent.status == 200 or (sent.status == 409 and sent.tries > 1), sent.document
    body = {
        **ticket_body(number, random.Random(number)),
        "attachments": [declared.document["id"]],
        # A need that nobody meets, and that goes away by itself.
        "tags": ["rare"],
    }
    answer = client.post("/v1/tickets", body, f"upload-{run.seed}-{number}")
    assert answer.status == 201, answer.document
    run.attached[answer.document["id"]] = content
    run.accepted[answer.document["id"]] = answer


def _bulk(run: Run, client: Client, number: int) -> None:
    """Send a few lines as a job, and wait until they are tickets."""
    rng = random.Random(f"{run.seed}/bulk/{number}")
    body = ndjson([ticket_body(line, rng) for line in range(LINES)])
    headers = {
        "Content-Type": NDJSON,
        "Idempotency-Key": f"bulk-{run.seed}-{number}",
        "Prefer": "respond-async",
    }

    def accepted() -> str:
        answer = client.send("POST", "/v1/tickets/bulk", body, headers)
        # The request that was killed may still be counted as under way.
        assert answer.status in (202, 409), answer.document
        return str(answer.document["id"]) if answer.status == 202 else ""

    job = ""

    def taken() -> bool:
        nonlocal job
        job = accepted()
        return bool(job)

    assert wait_until(taken, JOB_DEADLINE_S)

    def completed() -> bool:
        return bool(client.ask("GET", f"/v1/jobs/{job}").document["state"] == "completed")

    assert wait_until(completed, JOB_DEADLINE_S), f"job {job} was not completed"
    results = client.ask("GET", f"/v1/jobs/{job}/results")
    for line in results.document if isinstance(results.document, list) else [results.document]:
        assert line["status"] == 201, json.dumps(line)
        run.accepted[line["id"]] = results
