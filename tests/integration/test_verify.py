"""`patchbay verify`: what is planted is found, what can be is mended, what is sound stays."""

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, update

from shared.db.delivery_retention import forget_deliveries
from shared.db.engine import Database
from shared.db.models import (
    Agent,
    Assignment,
    Attachment,
    Delivery,
    DeliveryAttempt,
    OutboxEntry,
    Subscription,
    Ticket,
    TicketEvent,
)
from shared.db.models.base import table
from shared.db.soundness.census import Census
from shared.db.soundness.examination import USUAL, Examination, Terms, examination, mended
from shared.db.soundness.mending import Mended
from shared.domain.clock import Clock
from shared.domain.delivery import DeliveryChannel
from shared.domain.ids import Prefix, first_id, new_id
from shared.domain.work import WorkState
from shared.messaging.worker_host import WorkerHost
from shared.observability import metrics
from shared.runtime import Runtime
from tests.api_keys import TESTER
from tests.attaching import attached
from tests.clock import ShiftedClock
from tests.commands import run_command
from tests.desk import Desk
from tests.factories import delivery, subscription
from tests.fixtures.modes import Mode
from tests.fixtures.shops import Shop
from tests.invariants import assert_sound
from tests.rows import rows, set_columns
from tests.waiting import eventually

ATTEMPT = {
    "id": new_id(Prefix.ATTEMPT),
    "delivery_id": new_id(Prefix.DELIVERY),
    "number": 1,
    "duration_ms": 1,
    "outcome": "Delivered",
    "status": 200,
    "detail": "",
    "operator_detail": None,
    "response_body": "",
}


def found(examined: Examination) -> dict[str, int]:
    return {each.check.name: each.count for each in examined.results if each.count}


def look(shop: Shop) -> Examination:
    return examination(shop.runtime.database, shop.clock.now())


def mend(database: Database, clock: Clock, terms: Terms = USUAL) -> list[Mended]:
    broken = examination(database, clock.now(), terms)
    return list(mended(database, clock, broken, TESTER, terms))


def test_tickets_that_are_nowhere_are_found_and_brought_back(shop: Shop) -> None:
    database, desk = shop.runtime.database, shop.desk
    agent, other = desk.agent(20), desk.agent(20)
    held = [desk.ticket()["id"] for _ in range(8)]
    shop.settle()
    off_list, moved, back, reopened, paused, begun, without, unseen = held
    for ticket in (back, reopened):
        desk.step(ticket, "resolve")
    until = "2026-03-02T10:00:00Z"
    desk.step(paused, "hold", reason="vendor", until=until)
    desk.step(without, "hold", reason="vendor")
    for each in (agent, other):
        desk.presence(each, "away")
    lost, needless, offered = (desk.ticket()["id"] for _ in range(3))
    shop.settle()
    assert found(look(shop)) == {}
    assert Census(database)(shop.clock.now()) == 0

    assignments = table(Assignment)
    set_columns(database, Ticket, off_list, work_state=WorkState.IDLE)
    set_columns(database, Ticket, back, work_state=WorkState.READY)
    set_columns(database, Ticket, lost, work_state=WorkState.DONE)
    set_columns(database, Ticket, needless, signature="unheard of")
    set_columns(database, Ticket, offered, offered_to=agent, work_state=WorkState.READY)
    set_columns(database, Ticket, paused, life_due_at=None)
    set_columns(database, Ticket, unseen, sla_due_at=None)
    with database.transaction() as tx:
        ended = {"ended_at": shop.clock.now(), "end_reason": "returned"}
        gone = update(assignments).where(assignments.c.ticket_id.in_([moved, without]))
        tx.execute(gone.values(**ended))
        again = update(assignments).where(assignments.c.ticket_id == reopened)
        tx.execute(again.values(ended_at=None, end_reason=None))

    wrong = found(look(shop))
    assert wrong.pop("loads") >= 1
    assert wrong == {
        "tickets-placed": 3,
        "tickets-held": 4,
        "needs-known": 1,
        "holds-end": 1,
        "clocks-watched": 1,
    }
    assert Census(database)(shop.clock.now()) == 8
    assert metrics.tickets_unaccounted._value.get() == 8

    done = mend(database, shop.clock)
    assert not [each for each in done if each.failed]
    assert found(look(shop)) == {}
    assert Census(database)(shop.clock.now()) == 0
    assert_sound(database)
    assert desk.event_types(moved)[-1] == "ticket.returned"
    assert desk.read(without)["assignee"] is None
    assert desk.read(off_list)["status"] == "open"

    for each in (agent, other):
        desk.presence(each, "online")
    shop.settle()
    for each in (off_list, moved, lost, needless, offered, begun):
        assert desk.assignee(each) in (agent, other)
    shop.later(hours=23)
    assert desk.read(paused)["status"] == "open"
    assert_sound(database)


def test_loads_and_capacities_are_counted_anew(shop: Shop) -> None:
    database = shop.runtime.database
    wrong, noted = shop.desk.agent(5), shop.desk.agent(5)
    tickets = [shop.desk.ticket()["id"] for _ in range(4)]
    shop.settle()
    right = {agent["id"]: agent["load"] for agent in rows(database, Agent)}
    set_columns(database, Agent, wrong, load=5)
    set_columns(database, Agent, noted, overcommit=3)
    assert found(look(shop)) == {"loads": 1, "capacity": 1}
    assert {each.id for each in mend(database, shop.clock)} == {wrong, noted}
    assert found(look(shop)) == {}
    assert {agent["id"]: agent["load"] for agent in rows(database, Agent)} == right
    for ticket in tickets:
        shop.desk.step(ticket, "resolve")
    assert {agent["load"] for agent in rows(database, Agent)} == {0}


def test_events_that_nobody_was_told_of_are_told(shop: Shop) -> None:
    database = shop.runtime.database
    outbox, deliveries = table(OutboxEntry), table(Delivery)
    row = subscription(created_at=shop.clock.now(), updated_at=shop.clock.now())
    narrow = subscription(**{name: row[name] for name in ("created_at", "updated_at")})
    narrow["event_types"] = ["ticket.resolved"]
    with database.transaction() as tx:
        tx.insert(table(Subscription), [row, narrow])
    shop.later(hours=1)
    forgotten, missed, waiting = (shop.desk.ticket()["id"] for _ in range(3))
    by_ticket = {each["ticket_id"]: each for each in rows(database, TicketEvent)}
    mail = delivery(
        event_id=by_ticket[missed]["id"],
        ticket_id=missed,
        channel=DeliveryChannel.EMAIL,
        receiver="mira@example.com",
    )
    with database.transaction() as tx:
        tx.execute(delete(outbox).where(outbox.c.ticket_id.in_([forgotten, missed])))
        tx.insert(deliveries, [{**mail, "available_at": shop.clock.now()}])
    assert found(look(shop)) == {"events-told": 2}
    assert {each.id for each in mend(database, shop.clock)} == {
        by_ticket[forgotten]["id"],
        by_ticket[missed]["id"],
    }
    on_outbox = {each["ticket_id"] for each in rows(database, OutboxEntry)}
    assert on_outbox == {forgotten, waiting}
    [made] = rows(database, Delivery, deliveries.c.channel == DeliveryChannel.WEBHOOK)
    assert (made["event_id"], made["receiver"]) == (by_ticket[missed]["id"], row["id"])
    assert found(look(shop)) == {}
    assert mend(database, shop.clock) == []


def test_what_leads_nowhere_is_cancelled_or_deleted_and_the_rest_is_told(shop: Shop) -> None:
    database = shop.runtime.database
    ticket = shop.desk.ticket()["id"]
    shop.settle()
    event = rows(database, TicketEvent)[0]
    unfounded = delivery(receiver=new_id(Prefix.SUBSCRIPTION), event_id=event["id"])
    empty = delivery(channel=DeliveryChannel.EMAIL, receiver="mira@example.com")
    with database.transaction() as tx:
        tx.insert(table(Delivery), [unfounded, empty])
        tx.insert(table(DeliveryAttempt), [{**ATTEMPT, "finished_at": shop.clock.now()}])
    set_columns(database, Ticket, ticket, merged_into_id="tkt_gone", version=9)
    assert found(look(shop)) == {
        "deliveries-of-events": 1,
        "deliveries-to-somebody": 1,
        "orphans-delivery-attempts-delivery-id": 1,
        "orphans-tickets-merged-into-id": 1,
        "sequences": 1,
    }
    mend(database, shop.clock)
    assert {row["work_state"] for row in rows(database, Delivery)} == {WorkState.CANCELLED}
    assert rows(database, DeliveryAttempt) == []
    # What only a person can tell stays.
    assert found(look(shop)) == {"orphans-tickets-merged-into-id": 1, "sequences": 1}


def test_people_who_are_not_there_are_told(shop: Shop) -> None:
    database = shop.runtime.database
    ticket = shop.desk.ticket()["id"]
    set_columns(database, Ticket, ticket, requester_id="rqr_gone")
    assert found(look(shop)) == {"tickets-of-requesters": 1, "requesters-shown": 1}


def test_a_list_that_nobody_handles_is_told_with_its_age(shop: Shop) -> None:
    shop.desk.ticket()
    shop.clock.advance(timedelta(minutes=14))
    assert found(look(shop)) == {}
    shop.clock.advance(timedelta(minutes=2))
    late = look(shop)
    assert found(late) == {"lists-move": 2}
    assert {each.id for each in late.results[-1].findings} == {"routing", "events"}
    assert late.ages["routing"] == 16 * 60


def test_mending_a_desk_at_work_harms_nothing(
    desk: Desk, runtime: Runtime, start_host: Callable[..., WorkerHost]
) -> None:
    """Loads are spoilt and mended while tickets come and go."""
    start_host(runtime)
    agents = [desk.agent(50) for _ in range(2)]
    strict = Terms(patience=timedelta(0))
    tickets = []
    for round_ in range(6):
        tickets += [desk.ticket()["id"] for _ in range(5)]
        set_columns(runtime.database, Agent, agents[round_ % 2], overcommit=1)
        assert not [each for each in mend(runtime.database, runtime.clock, strict) if each.failed]
        if tickets[:-8]:
            desk.step(tickets.pop(0), "resolve")
    eventually(lambda: all(desk.assignee(ticket) for ticket in tickets))
    mend(runtime.database, runtime.clock, strict)
    assert found(examination(runtime.database, runtime.clock.now())) == {}
    assert_sound(runtime.database)


@pytest.fixture
def command(mode: Mode, tmp_path: Path) -> Callable[..., Any]:
    environment = {
        "PATCHBAY_DATABASE_URL": mode.database_url,
        "PATCHBAY_STORAGE_URL": f"file:{tmp_path / 'attachments'}",
    }
    return lambda *arguments: run_command("verify", *arguments, environment=environment)


def test_the_command_says_what_is_wrong_mends_it_and_ends_accordingly(
    desk: Desk, database: Database, command: Callable[..., Any]
) -> None:
    ticket = desk.ticket()
    sound = command()
    assert (sound.returncode, sound.stderr) == (0, "")
    assert "Sound:" in sound.stdout
    set_columns(database, Ticket, ticket["id"], work_state=WorkState.DONE)
    wrong = command()
    assert wrong.returncode == 1
    assert f"ticket {ticket['number']} is new and done on the routing list" in wrong.stdout
    told = json.loads(command("--json").stdout)
    assert told["sound"] is False
    assert told["mended"] is None
    [broken] = [check for check in told["checks"] if check["count"]]
    assert (broken["name"], broken["findings"][0]["id"]) == ("tickets-placed", ticket["id"])
    assert {each["list"] for each in told["work_lists"]} >= {"routing", "events", "webhook"}
    mended_ = command("--repair", "--json")
    assert mended_.returncode == 0
    document = json.loads(mended_.stdout)
    assert document["mended"][0]["what"] == "put it back on the routing list"
    assert document["sound"] is True


def test_events_whose_deliveries_were_forgotten_are_not_told_again(
    desk: Desk, database: Database, clock: ShiftedClock, mode: Mode
) -> None:
    clock.advance(hours=-5)
    times = {"created_at": clock.now(), "updated_at": clock.now()}
    receiver = subscription(**times)
    clock.advance(hours=3)
    ticket = desk.ticket()["id"]
    desk.step(ticket, "cancel")
    events = rows(database, TicketEvent)
    told = [
        delivery(
            id=first_id(Prefix.DELIVERY, clock.now() + timedelta(milliseconds=number)),
            event_id=event["id"],
            ticket_id=ticket,
            receiver=receiver["id"],
            finished_at=clock.now(),
            work_state=WorkState.DONE,
        )
        for number, event in enumerate(events)
    ]
    with database.transaction() as tx:
        tx.insert(table(Subscription), [receiver])
        tx.insert(table(Delivery), told)
        tx.execute(delete(table(OutboxEntry)))
    clock.advance(hours=2)
    assert forget_deliveries(database, clock.now() - timedelta(hours=1)) == len(events) == 2

    def verify(retention_s: int) -> dict[str, Any]:
        environment = {
            "PATCHBAY_DATABASE_URL": mode.database_url,
            "PATCHBAY_DELIVERY_RETENTION_S": str(retention_s),
        }
        done = run_command("verify", "--repair", "--json", environment=environment)
        return dict(json.loads(done.stdout))

    kept_an_hour = verify(3600)
    assert (kept_an_hour["sound"], kept_an_hour["mended"]) == (True, [])
    assert rows(database, OutboxEntry) == []
    kept_without_end = verify(0)
    assert {each["id"] for each in kept_without_end["mended"]} == {each["id"] for each in events}


def test_files_that_are_gone_are_told_where_that_is_asked_for(
    desk: Desk, database: Database, command: Callable[..., Any], tmp_path: Path
) -> None:
    ticket = desk.ticket()["id"]
    attached(desk, ticket, ("note.txt", b"hello"))
    assert command("--storage").returncode == 0
    [row] = rows(database, Attachment)
    (tmp_path / "attachments" / row["storage_key"]).unlink()
    assert command().returncode == 0
    gone = command("--storage")
    assert gone.returncode == 1
    assert f"the file of attachment {row['id']} (ticket {ticket}) is gone" in gone.stdout


def test_what_cannot_be_looked_at_ends_with_2(mode: Mode, new_database: Callable[[], str]) -> None:
    url = new_database()
    done = run_command("verify", "--json", environment={"PATCHBAY_DATABASE_URL": url})
    assert done.returncode == 2
    assert json.loads(done.stdout)["sound"] is None
    assert "patchbay migrate" in json.loads(done.stdout)["error"]
