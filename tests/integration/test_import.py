"""Tickets that lived elsewhere come as they were, and nobody is notified."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from shared.db.engine import Database
from shared.db.models import Assignment, Comment, OutboxEntry, Ticket, TicketEvent
from shared.db.types import load_json
from shared.domain.ticket import TicketStatus
from shared.domain.work import WorkState
from shared.runtime import Runtime
from tests.api_keys import create_key
from tests.bulk import job, results, send, send_job, send_now, work_off
from tests.desk import Desk, ticket_body
from tests.fixtures.shops import Shop
from tests.invariants import assert_sound
from tests.problems import assert_problem
from tests.rows import rows

CREATED = "2024-03-01T09:00:00.000000Z"
RESOLVED = "2024-03-02T10:00:00.000000Z"
CLOSED = "2024-03-07T10:00:00.000000Z"


def old_ticket(**changed: Any) -> dict[str, Any]:
    """A line in import mode."""
    return ticket_body(created_at=CREATED, **changed)


def bring(desk: Desk, *lines: dict[str, Any]) -> list[dict[str, Any]]:
    """Import tickets; return them as they are then."""
    told = send_now(desk, lines, "?mode=import")
    assert {each["status"] for each in told} == {201}, told
    return [desk.read(each["id"]) for each in told]


def test_dates_state_and_resolution_are_kept(desk: Desk, database: Database) -> None:
    agent = desk.agent()
    email = desk.read_agent(agent)["email"]
    solved = {"summary": "A new cable.", "cause": "A dog."}
    [ticket] = bring(
        desk,
        old_ticket(
            status="closed",
            updated_at=CLOSED,
            resolved_at=RESOLVED,
            closed_at=CLOSED,
            assignee=email.upper(),
            resolution=solved,
            external_id="old-1",
        ),
    )
    for name, value in {
        "status": "closed",
        "created_at": CREATED,
        "updated_at": CLOSED,
        "resolved_at": RESOLVED,
        "closed_at": CLOSED,
        "version": 1,
        "external_id": "old-1",
    }.items():
        assert ticket[name] == value, name
    assert ticket["resolution"]["summary"] == "A new cable."
    assert ticket["assignee"]["id"] == agent
    assert desk.read_agent(agent)["load"] == 0
    assert_sound(database)


def test_nobody_is_notified_and_the_trail_says_imported(desk: Desk, database: Database) -> None:
    desk.webhook("http://127.0.0.1:9/hook")
    history = [{"at": CREATED, "what": "Escalated to second level.", "who": "Ann"}]
    tickets = bring(desk, old_ticket(status="resolved", history=history), old_ticket())
    assert rows(database, OutboxEntry) == []
    for ticket in tickets:
        [event] = desk.events(ticket["id"])
        assert event["type"] == "ticket.created"
        assert event["data"]["imported"] is True
        assert event["data"]["ticket"]["id"] == ticket["id"]
    assert desk.events(tickets[0]["id"])[0]["data"]["history"] == history
    assert_sound(database)


def test_comments_come_with_their_dates_and_authors(desk: Desk, database: Database) -> None:
    agent = desk.agent()
    email = desk.read_agent(agent)["email"]
    said = [
        {"body": "It drops.", "created_at": CREATED, "author": {"kind": "requester"}},
        {
            "body": "The cable?",
            "created_at": RESOLVED,
            "author": {"kind": "agent", "id": email},
            "visibility": "internal",
            "time_spent_s": 90,
        },
        {"body": "Gone.", "created_at": CLOSED, "author": {"kind": "agent", "name": "Old Hand"}},
    ]
    [ticket] = bring(desk, old_ticket(status="closed", comments=said))
    assert ticket["time_spent_s"] == 90
    found = desk.comments(ticket["id"])
    assert [each["body"] for each in found] == ["It drops.", "The cable?", "Gone."]
    assert [each["created_at"] for each in found] == [CREATED, RESOLVED, CLOSED]
    assert found[1]["author"]["id"] == agent
    assert found[2]["author"] == {"kind": "agent", "id": None, "name": "Old Hand"}
    assert rows(database, Comment)[0]["ticket_id"] == ticket["id"]


def test_an_open_ticket_without_assignee_is_routed_like_a_new_one(shop: Shop) -> None:
    shop.desk.team("network")
    agent = shop.desk.agent(teams=["network"])
    [ticket] = bring(shop.desk, old_ticket(team="network"))
    assert ticket["status"] == "new"
    shop.settle()
    routed = shop.desk.read(ticket["id"])
    assert (routed["status"], routed["assignee"]["id"]) == ("open", agent)
    assert routed["created_at"] == CREATED
    assert_sound(shop.runtime.database)


@pytest.mark.parametrize("status", ["open", "pending_customer", "on_hold"])
def test_a_ticket_with_an_agent_is_theirs_though_they_have_no_room(shop: Shop, status: str) -> None:
    desk, database = shop.desk, shop.runtime.database
    agent = desk.agent(capacity=1, presence="offline")
    tickets = bring(desk, *[old_ticket(status=status, assignee=agent)] * 3)
    assert {ticket["status"] for ticket in tickets} == {status}
    assert desk.read_agent(agent)["load"] == 3
    assert len(rows(database, Assignment)) == 3
    assert rows(database, OutboxEntry) == []
    assert desk.event_types(tickets[0]["id"]) == ["ticket.created", "ticket.assigned"]
    assert desk.decisions(tickets[0]["id"])[0]["outcome"] == "assigned"
    assert_sound(database)
    shop.settle()
    # What was begun elsewhere is not taken back because the agent is not here now.
    assert desk.assignee(tickets[0]["id"]) == agent
    desk.step(tickets[0]["id"], "resolve")
    assert desk.read_agent(agent)["load"] == 2
    assert_sound(database)


def test_a_paused_ticket_without_agent_rests(shop: Shop) -> None:
    [ticket] = bring(shop.desk, old_ticket(status="on_hold", hold_reason="vendor"))
    assert ticket["hold"]["reason"] == "vendor"
    shop.settle()
    assert shop.desk.read(ticket["id"])["status"] == "on_hold"
    assert shop.desk.step(ticket["id"], "resume")["status"] == "new"
    assert_sound(shop.runtime.database)


@pytest.mark.parametrize("mode", ["embedded"], indirect=True)
@pytest.mark.parametrize("held", [True, False])
@pytest.mark.parametrize("status", ["pending_customer", "on_hold"])
def test_clocks_of_a_paused_ticket_stand_still_from_its_import_on(
    shop: Shop, *, status: str, held: bool
) -> None:
    desk = shop.desk
    desk.sla_policy("default", "4h")
    more = {"assignee": desk.agent()} if held else {}
    [ticket] = bring(desk, old_ticket(status=status, **more))
    shop.later(days=3)
    clocks = {each["metric"]: each for each in desk.sla(ticket["id"])["clocks"]}
    assert (clocks["resolution"]["due_at"], clocks["resolution"]["worked_s"]) == (None, 0)
    assert clocks["resolution"]["breached_at"] is None
    resumed = desk.step(ticket["id"], "resume")
    due = shop.clock.now() + timedelta(hours=4)
    assert datetime.fromisoformat(resumed["expected_resolution_at"]) == due
    assert desk.sla(ticket["id"])["recomputed"]["agrees"]


@pytest.mark.parametrize("mode", ["embedded"], indirect=True)
@pytest.mark.parametrize(
    ("speakers", "state"),
    [
        (["requester"], {"first_response": True}),
        (["requester", "agent"], {"first_response": False}),
        (["agent", "requester"], {"first_response": False, "next_response": True}),
    ],
)
@pytest.mark.parametrize("status", ["new", "open", "on_hold"])
def test_whoever_had_a_reply_elsewhere_is_not_owed_a_first_one(
    shop: Shop, speakers: list[str], state: dict[str, bool], status: str
) -> None:
    desk = shop.desk
    agent = desk.agent()
    said = [
        {"body": "…", "created_at": at, "author": {"kind": kind, "name": "n"}}
        for at, kind in zip((CREATED, RESOLVED), speakers, strict=False)
    ]
    more = {} if status == "new" else {"assignee": agent}
    [ticket] = bring(desk, old_ticket(status=status, comments=said, **more))
    clocks = {each["metric"]: each for each in desk.sla(ticket["id"])["clocks"]}
    owed = {name: each["fulfilled_at"] is None for name, each in clocks.items()}
    assert owed == {**state, "resolution": True}


def test_a_resolved_ticket_closes_when_its_time_is_still_to_come(shop: Shop) -> None:
    now = shop.clock.now().isoformat()
    old, recent = bring(
        shop.desk,
        old_ticket(status="resolved", resolved_at=RESOLVED),
        old_ticket(status="resolved", resolved_at=now),
    )
    shop.later(days=6)
    assert shop.desk.read(old["id"])["status"] == TicketStatus.RESOLVED
    assert shop.desk.read(recent["id"])["status"] == TicketStatus.CLOSED


def test_numbers_are_kept_where_they_are_free(desk: Desk, database: Database) -> None:
    live = desk.ticket()
    wanted = [live["number"], live["number"] + 1, 5000, 5000, None]
    lines = [old_ticket(number=number) for number in wanted]
    numbers = [ticket["number"] for ticket in bring(desk, *lines)]
    assert numbers[1:3] == [live["number"] + 1, 5000]
    assert len(set(numbers) | {live["number"]}) == 6
    assert desk.ticket()["number"] > 5000
    bring(desk, *[old_ticket(number=number) for number in range(6000, 6400)])
    later = [desk.ticket()["number"] for _ in range(3)]
    assert min(later) >= 6400
    assert_sound(database)


def test_who_and_what_is_not_known_is_refused(desk: Desk) -> None:
    told = send_now(
        desk,
        [
            old_ticket(assignee="nobody@example.com", status="open"),
            old_ticket(status="merged"),
            old_ticket(status="open"),
            old_ticket(status="new", resolved_at=RESOLVED),
            old_ticket(status="closed", closed_at="2023-01-01T00:00:00Z"),
            ticket_body(),
            old_ticket(number=10**13),
        ],
        "?mode=import",
    )
    assert {each["status"] for each in told} == {422}
    pointers = [each["problem"]["errors"][0]["pointer"] for each in told]
    assert pointers == [
        "/assignee", "/status", "/assignee", "/resolved_at", "/closed_at", "/created_at", "/number",
    ]  # fmt: skip


def test_import_needs_its_scope(desk: Desk, database: Database) -> None:
    writer = Desk(desk.app, create_key(database, "writer", ["tickets:write"]))
    problem = assert_problem(send(writer, [old_ticket()], "?mode=import"), 403, "forbidden")
    assert problem["scope"] == "tickets:import"
    both = ["tickets:write", "tickets:import"]
    importer = Desk(desk.app, create_key(database, "importer", both))
    assert send(importer, [old_ticket()], "?mode=import").status_code == 207
    told = send_now(writer, [old_ticket()])
    assert told[0]["problem"]["errors"][0]["pointer"] == "/created_at"


def test_a_job_imports_too_and_once(desk: Desk, runtime: Runtime, database: Database) -> None:
    agent = desk.agent(capacity=5)
    lines = [
        old_ticket(
            external_id=f"old-{number}",
            number=number,
            status=("closed", "open", "new", "resolved")[number % 4],
            assignee=agent if number % 4 == 1 else None,
        )
        for number in range(1, 1201)
    ]
    made = send_job(desk, lines, "?mode=import")
    work_off(runtime)
    over = job(desk, made["id"])
    assert (over["created"], over["refused"]) == (1200, 0)
    assert [each["number"] for each in results(desk, made["id"])] == list(range(1, 1201))
    assert desk.read_agent(agent)["load"] == 300
    again = send_job(desk, lines, "?mode=import")
    work_off(runtime)
    assert job(desk, again["id"])["known"] == 1200
    assert len(rows(database, Ticket)) == 1200
    ready = [row for row in rows(database, Ticket) if row["work_state"] is WorkState.READY]
    assert len(ready) == 300
    assert all(load_json(event["body"])["data"]["imported"] for event in _events(database))
    assert_sound(database)


def _events(database: Database) -> list[Any]:
    return list(rows(database, TicketEvent))
