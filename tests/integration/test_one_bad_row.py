"""One bad row never fails its neighbours, is tried again by the schedule, and ends dead."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import text

from shared.db.models import OutboxEntry, Requirement, Ticket
from shared.db.models.base import table
from shared.db.work_lists import TICKETS_TO_ROUTE
from shared.domain.work import HANDLER_BACKOFF, ListName, WorkState
from shared.messaging.worker_host import WorkerHost
from shared.runtime import Runtime
from tests.clock import ShiftedClock
from tests.desk import Desk
from tests.invariants import assert_sound
from tests.rows import rows, set_columns
from tests.waiting import eventually


def ticket_row(runtime: Runtime, ticket_id: str) -> dict[str, Any]:
    return rows(runtime.database, Ticket, table(Ticket).c.id == ticket_id)[0]


def test_a_poisoned_ticket_ends_dead_and_can_be_redriven(
    desk: Desk, runtime: Runtime, clock: ShiftedClock, start_host: Callable[..., WorkerHost]
) -> None:
    desk.agent(100)
    healthy = [desk.ticket()["id"] for _ in range(5)]
    bad = desk.ticket()["id"]
    healthy += [desk.ticket()["id"] for _ in range(5)]
    # What no request could store: a requirement without a name.
    set_columns(runtime.database, Ticket, bad, required_skills=[{"level": 1}], asked=None)
    start_host(runtime, ["router"])
    eventually(lambda: all(desk.assignee(ticket_id) for ticket_id in healthy))
    for attempts in range(1, len(HANDLER_BACKOFF) + 1):
        row = eventually(
            lambda attempts=attempts: (
                ticket_row(runtime, bad)
                if ticket_row(runtime, bad)["attempts"] == attempts
                else None
            )
        )
        assert row["work_state"] is WorkState.READY
        assert "KeyError" in row["last_error"]
        clock.advance(seconds=HANDLER_BACKOFF[attempts - 1].total_seconds())
    eventually(lambda: ticket_row(runtime, bad)["work_state"] is WorkState.DEAD)
    assert desk.event_types(bad) == ["ticket.created"]

    set_columns(runtime.database, Ticket, bad, required_skills=[])
    with runtime.database.transaction() as tx:
        assert TICKETS_TO_ROUTE.redrive(tx, [bad], clock.now()) == 1
    runtime.ring(ListName.ROUTING)
    eventually(lambda: desk.assignee(bad))
    assert_sound(runtime.database)


def test_a_ticket_with_a_word_of_a_newer_release_does_not_stop_the_others(
    desk: Desk, runtime: Runtime, start_host: Callable[..., WorkerHost]
) -> None:
    """During a rolling upgrade an older router meets values that its vocabulary lacks."""
    desk.agent(100)
    healthy = desk.ticket()["id"]
    bad = desk.ticket()["id"]
    with runtime.database.transaction() as tx:
        tx.execute(text("UPDATE tickets SET channel = 'telepathy' WHERE id = :id"), {"id": bad})
    start_host(runtime, ["router"])
    eventually(lambda: desk.assignee(healthy), timeout_s=5)


def test_a_poisoned_event_does_not_stop_the_others(
    desk: Desk, runtime: Runtime, start_host: Callable[..., WorkerHost]
) -> None:
    bad, *healthy = (desk.ticket()["id"] for _ in range(5))
    with runtime.database.transaction() as tx:
        tx.execute(text("UPDATE ticket_events SET body = '{' WHERE ticket_id = :id"), {"id": bad})
    start_host(runtime, ["notifier"])
    outbox = table(OutboxEntry)
    eventually(lambda: not rows(runtime.database, OutboxEntry, outbox.c.ticket_id.in_(healthy)))
    [entry] = eventually(lambda: rows(runtime.database, OutboxEntry, outbox.c.attempts > 0))
    assert entry["ticket_id"] == bad
    assert entry["last_error"]


def test_a_poisoned_requirement_does_not_stop_the_matching_of_others(
    desk: Desk, runtime: Runtime, start_host: Callable[..., WorkerHost]
) -> None:
    desk.skill("vpn")
    start_host(runtime, ["router"])
    bad = desk.ticket(required_skills=[{"skill": "vpn", "level": 1}])["id"]
    healthy = desk.ticket()["id"]
    for ticket_id in (bad, healthy):
        eventually(lambda t=ticket_id: "ticket.waiting" in desk.event_types(t))
    requirements = rows(runtime.database, Requirement)
    signature = next(r["signature"] for r in requirements if r["need"]["skills"])
    set_columns(runtime.database, Requirement, signature, need={"skills": "nonsense"})
    desk.agent(5)
    eventually(lambda: desk.assignee(healthy), timeout_s=5)
