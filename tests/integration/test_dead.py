"""`patchbay dead`: what gave up is listed, explained, tried again and dropped, on every list."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from shared.db.dead.lists import LISTS
from shared.db.engine import Database
from shared.db.models import (
    BulkChunk,
    Delivery,
    DeliveryAttempt,
    DryRun,
    OutboxEntry,
    Subscription,
    Ticket,
    TicketEvent,
)
from shared.db.models.base import table
from shared.db.soundness.examination import examination
from shared.domain.clock import SystemClock
from shared.domain.delivery import REPLAY_RANK, DeliveryChannel
from shared.domain.ids import Prefix, new_id
from shared.domain.work import WorkState
from shared.messaging.worker_host import WorkerHost
from shared.runtime import Runtime
from tests.bulk import bulk_tickets, job, results, send_job, work_off
from tests.commands import Done, run_command
from tests.desk import Desk
from tests.factories import delivery, subscription
from tests.fixtures.modes import Mode
from tests.invariants import assert_sound
from tests.rows import rows, set_columns
from tests.waiting import eventually

Command = Callable[..., Done]


@pytest.fixture
def command(mode: Mode) -> Command:
    environment = {"PATCHBAY_DATABASE_URL": mode.database_url}
    return lambda *arguments: run_command("dead", *arguments, environment=environment)


def document(done: Done) -> Any:
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def give_up(database: Database, model: Any, key: str, error: str, hours: int = 0) -> None:
    died = SystemClock().now() - timedelta(hours=hours)
    more = {"finished_at": died} if model is Delivery else {"available_at": died}
    set_columns(
        database, model, key, work_state=WorkState.DEAD, attempts=6, last_error=error, **more
    )


class Dead:
    """A desk where something gave up on each of four lists."""

    def __init__(self, desk: Desk, database: Database) -> None:
        now = SystemClock().now()
        endpoint = subscription(created_at=now, updated_at=now, enabled=False)
        self.ticket, self.told = desk.ticket()["id"], desk.ticket()["id"]
        events = {row["ticket_id"]: row["id"] for row in rows(database, TicketEvent)}
        self.event = events[self.told]
        self.webhook, self.mail = new_id(Prefix.DELIVERY), new_id(Prefix.DELIVERY)
        sent = {"event_id": events[self.ticket], "ticket_id": self.ticket}
        to_somebody = {"channel": DeliveryChannel.EMAIL, "receiver": "mira@example.com"}
        attempt = {
            "id": new_id(Prefix.ATTEMPT),
            "delivery_id": self.webhook,
            "number": 1,
            "finished_at": now,
            "duration_ms": 12,
            "outcome": "PermanentFailure",
            "status": 404,
            "detail": "answered 404",
            "operator_detail": None,
            "response_body": "",
        }
        self.question = new_id(Prefix.DRY_RUN)
        asked = {
            "id": self.question,
            "question": {"ticket_id": self.ticket},
            "answer": None,
            "created_at": now,
        }
        listed = {"work_state": WorkState.READY, "available_at": now, "attempts": 0}
        with database.transaction() as tx:
            tx.delete(table(OutboxEntry), [sent["event_id"]])
            tx.insert(table(Subscription), [endpoint])
            tx.insert(
                table(Delivery),
                [
                    delivery(id=self.webhook, receiver=endpoint["id"], **sent),
                    delivery(id=self.mail, **to_somebody, **sent),
                ],
            )
            tx.insert(table(DeliveryAttempt), [attempt])
            tx.insert(table(DryRun), [{**asked, **listed}])
        give_up(database, Ticket, self.ticket, "KeyError: 'skill'")
        give_up(database, OutboxEntry, self.event, "ValueError: bad body", hours=3)
        give_up(database, Delivery, self.webhook, "answered 404")
        give_up(database, DryRun, self.question, "LookupError: the ticket is gone")
        set_columns(database, Delivery, self.mail, work_state=WorkState.UNKNOWN, finished_at=now)


@pytest.fixture
def dead(desk: Desk, database: Database) -> Dead:
    return Dead(desk, database)


def test_what_gave_up_is_listed_and_one_is_shown_with_its_past(
    dead: Dead, command: Command
) -> None:
    listed = document(command("list", "--json"))
    assert [item["key"] for item in listed["items"]] == [
        dead.ticket,
        dead.event,
        dead.webhook,
        dead.question,
    ]
    assert set(listed["counts"]) == {each.name.value for each in LISTS}
    assert sum(listed["counts"].values()) == 4
    keys = [item["key"] for item in document(command("list", "--json", "--since", "2h"))["items"]]
    assert dead.event not in keys
    by_error = document(command("list", "--json", "--error", "VALUEERROR", "--limit", "1"))
    assert [item["key"] for item in by_error["items"]] == [dead.event]
    unknown = document(command("list", "--json", "--unknown", "--list", "email"))
    assert [item["key"] for item in unknown["items"]] == [dead.mail]
    text = command("list", "--list", "webhook", "--list", "routing").stdout
    assert "2 dead: routing 1, webhook 1." in text
    assert "KeyError: 'skill'" in text

    shown = document(command("show", dead.webhook, "--json"))
    assert (shown["error"], shown["attempts"]) == ("answered 404", 6)
    assert shown["history"][0]["what"] == "attempt 1: PermanentFailure 404 answered 404"
    of_ticket = command("show", dead.ticket).stdout
    assert "event 1: ticket.created by key:" in of_ticket
    assert command("show", "tkt_nothing").returncode == 1
    assert command("list", "--since", "yesterday").returncode == 2


def test_what_is_tried_again_is_done_by_the_workers(
    dead: Dead,
    command: Command,
    desk: Desk,
    runtime: Runtime,
    start_host: Callable[..., WorkerHost],
) -> None:
    desk.agent(10)
    again = command("retry", dead.webhook, dead.mail, "tkt_nothing", "--json")
    assert (again.returncode, json.loads(again.stdout)["rows"]) == (0, 2)
    assert "No dead row is called tkt_nothing." in again.stderr
    for row in rows(runtime.database, Delivery):
        assert (row["work_state"], row["attempts"], row["rank"]) == (
            WorkState.READY,
            0,
            REPLAY_RANK,
        )
    assert command("retry", "--all", "--list", "bulk", "--yes").returncode == 1
    assert command("retry").returncode == 2
    asked = command("retry", "--all")
    assert (asked.returncode, "Try 3 again" in asked.stderr) == (1, True)
    every = document(command("retry", "--all", "--yes", "--json"))
    assert every == {"rows": 3, "lists": {"routing": 1, "events": 1, "questions": 1}}
    start_host(runtime)
    eventually(lambda: desk.assignee(dead.ticket) and desk.assignee(dead.told))
    eventually(lambda: not rows(runtime.database, OutboxEntry))
    assert_sound(runtime.database)


def test_what_is_dropped_is_on_record_and_nothing_is_lost_by_it(
    dead: Dead, command: Command, desk: Desk, database: Database
) -> None:
    reason = "the customer called"
    refused = command("drop", dead.ticket, "--reason", " ")
    assert (refused.returncode, "--reason" in refused.stderr) == (2, True)
    keys = (dead.ticket, dead.event, dead.webhook, dead.mail, dead.question)
    done = document(command("drop", *keys, "--reason", reason, "--yes", "--json"))
    assert done["rows"] == 5
    assert desk.read(dead.ticket)["status"] == "cancelled"
    assert desk.event_types(dead.ticket)[-1] == "ticket.cancelled"
    assert [row["work_state"] for row in rows(database, Delivery)] == [WorkState.CANCELLED] * 2
    left = {row["ticket_id"] for row in rows(database, OutboxEntry)}
    assert dead.told not in left
    kept = document(command("list", "--dropped", "--json"))["items"]
    assert {(item["key"], item["reason"]) for item in kept} == {(key, reason) for key in keys}
    assert reason in command("list", "--dropped").stdout
    assert document(command("list", "--json"))["items"] == []
    assert command("drop", dead.ticket, "--reason", reason, "--yes").returncode == 1
    # The dropped event was wanted by a subscription, and is not made up for.
    assert examination(database, SystemClock().now()).sound
    assert_sound(database)


def test_lines_of_a_job_that_are_dropped_stay_failed_in_it(
    desk: Desk, runtime: Runtime, command: Command
) -> None:
    """Unless the job itself was cancelled: then nobody waits for them."""
    made, cancelled = send_job(desk, bulk_tickets(600)), send_job(desk, bulk_tickets(600))
    chunks = {(row["job_id"], row["first_line"]): row for row in rows(runtime.database, BulkChunk)}
    last = [chunks[each["id"], 501]["id"] for each in (made, cancelled)]
    for key in last:
        give_up(runtime.database, BulkChunk, key, "zlib.error: torn")
    desk.ok("DELETE", f"/v1/jobs/{cancelled['id']}")
    work_off(runtime)
    assert sums(job(desk, made["id"])) == ("completed", 600, 500, 100)
    dropped = document(command("drop", *last, "--reason", "torn", "--yes", "--json"))
    assert dropped == {"rows": 2, "lists": {"bulk": 2}}
    over = job(desk, made["id"])
    assert sums(over) == ("completed", 600, 500, 100)
    assert (over["created"], len(results(desk, made["id"]))) == (500, 500)
    assert sums(job(desk, cancelled["id"])) == ("cancelled", 600, 0, 0)


def sums(job: dict[str, Any]) -> tuple[str, int, int, int]:
    return job["state"], job["lines_received"], job["lines_done"], job["failed"]


def test_an_agents_ticket_stays_with_the_agent_when_its_look_is_dropped(
    working_desk: Desk, database: Database, command: Command
) -> None:
    agent = working_desk.agent(3)
    ticket = working_desk.ticket()["id"]
    eventually(lambda: working_desk.assignee(ticket) == agent)
    give_up(database, Ticket, ticket, "KeyError")
    assert command("drop", ticket, "--reason", "it fits", "--yes").returncode == 0
    assert working_desk.assignee(ticket) == agent
    assert working_desk.read(ticket)["status"] == "open"
    assert_sound(database)
