"""Clocks of tickets on a desk whose time moves only when told."""

import random
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from services.router import run_clocks
from shared.db.models import Ticket
from shared.db.models.base import table
from shared.db.ticket_changes.journal import Change, apply
from shared.domain.clock import rfc3339
from shared.domain.event import EventType
from tests.factories import NOW
from tests.fixtures.shops import Shop
from tests.invariants import assert_sound
from tests.rows import rows, set_columns

OFFICE = {
    "name": "office",
    "time_zone": "Europe/Berlin",
    "hours": {
        day: [{"start": "09:00", "end": "17:00"}]
        for day in ("monday", "tuesday", "wednesday", "thursday", "friday")
    },
}
#: NOW is a Sunday.
TUESDAY = {"holidays": [{"date": "2026-03-03"}]}


def after(**duration: float) -> str:
    """A moment so long after the desk opened, as the API writes it."""
    return rfc3339(NOW + timedelta(**duration))


def moves(event: dict[str, Any]) -> list[tuple[str, str]]:
    """Metric and move of each metric event that an event carries."""
    return [(each["metric"], each["type"]) for each in event["data"].get("sla", [])]


def clock(shop: Shop, ticket_id: str, metric: str = "resolution") -> dict[str, Any]:
    [found] = [each for each in shop.desk.sla(ticket_id)["clocks"] if each["metric"] == metric]
    return found


def rule(shop: Shop, **then: Any) -> None:
    """Put in force one rule for every ticket."""
    shop.desk.ok("PUT", "/v1/routing/rules", {"rules": [{"name": "all", "then": then}]})


def change(shop: Shop, ticket: dict[str, Any], **values: Any) -> None:
    """Change columns of a ticket as the one place does, with a row that may be an old one."""
    with shop.runtime.database.transaction() as tx:
        event, data = EventType.TICKET_UPDATED, {"changed": sorted(values)}
        apply(tx, [Change(ticket, values, event, "test", None, data)], shop.clock.now())


def row(shop: Shop, ticket_id: str) -> dict[str, Any]:
    [found] = rows(shop.runtime.database, Ticket, table(Ticket).c.id == ticket_id)
    return found


def test_a_new_ticket_is_told_what_it_is_promised(shop: Shop) -> None:
    ticket = shop.desk.ticket(priority="high")
    assert ticket["expected_resolution_at"] == after(hours=4)
    [created] = shop.desk.events(ticket["id"])
    assert moves(created) == [("first_response", "start"), ("resolution", "start")]
    found = shop.desk.sla(ticket["id"])
    assert found["policy"] == {"name": "default", "version": 1}
    assert [(c["metric"], c["state"], c["due_at"]) for c in found["clocks"]] == [
        ("first_response", "running", after(hours=1)),
        ("resolution", "running", after(hours=4)),
    ]
    assert found["events"] == created["data"]["sla"]


def test_a_warning_and_a_breach_are_told_by_events_of_their_own(shop: Shop) -> None:
    ticket_id = shop.desk.ticket(priority="high")["id"]
    shop.settle()
    for minutes in (45, 15, 120, 60, 600):
        shop.later(minutes=minutes)
    told = [e for e in shop.desk.events(ticket_id) if e["type"].startswith("ticket.sla_")]
    assert [(e["type"], moves(e), e["timestamp"]) for e in told] == [
        ("ticket.sla_warned", [("first_response", "warn")], after(minutes=45)),
        ("ticket.sla_breached", [("first_response", "breach")], after(hours=1)),
        ("ticket.sla_warned", [("resolution", "warn")], after(hours=3)),
        ("ticket.sla_breached", [("resolution", "breach")], after(hours=4)),
    ]
    assert clock(shop, ticket_id)["remaining_s"] == -10 * 3600
    assert row(shop, ticket_id)["sla_due_at"] is None
    assert_sound(shop.runtime.database)


def test_a_breach_has_its_moment_however_late_it_is_noticed(shop: Shop) -> None:
    ticket_id = shop.desk.ticket(priority="high")["id"]
    shop.settle()
    shop.later(days=2)
    [late] = [e for e in shop.desk.events(ticket_id) if e["type"] == "ticket.sla_breached"]
    assert [(each["type"], each["at"]) for each in late["data"]["sla"]] == [
        ("warn", after(minutes=45)),
        ("breach", after(hours=1)),
        ("warn", after(hours=3)),
        ("breach", after(hours=4)),
    ]
    assert late["timestamp"] == after(days=2)


def test_a_breach_that_a_change_comes_upon_has_an_event_of_its_own(shop: Shop) -> None:
    ticket_id = shop.desk.ticket(priority="critical")["id"]
    shop.clock.advance(timedelta(hours=1))
    document = shop.desk.step(ticket_id, "resolve")
    resolved, breached = shop.desk.events(ticket_id)[1:]
    assert (resolved["type"], breached["type"]) == ("ticket.resolved", "ticket.sla_breached")
    assert moves(resolved) == [("first_response", "fulfil"), ("resolution", "fulfil")]
    assert moves(breached) == [
        ("first_response", "warn"),
        ("first_response", "breach"),
        ("resolution", "warn"),
        ("resolution", "breach"),
    ]
    assert document["version"] == breached["sequence"] == 3
    assert shop.run_clocks() == 0
    shop.desk.sla(ticket_id)
    assert_sound(shop.runtime.database)


def test_whoever_has_the_ticket_is_in_the_event(shop: Shop) -> None:
    agent = shop.desk.agent()
    ticket_id = shop.desk.ticket(priority="high")["id"]
    shop.settle()
    shop.later(hours=4)
    told = shop.desk.events(ticket_id)[-1]
    assert told["type"] == "ticket.sla_breached"
    assert told["data"]["ticket"]["assignee"]["id"] == agent
    assert told["data"]["ticket"]["status"] == "open"


def test_the_list_is_due_at_the_very_moment(shop: Shop) -> None:
    shop.desk.ticket(priority="high")
    shop.desk.ticket(priority="low")
    with shop.runtime.database.reading() as connection:
        due = run_clocks.next_due(connection, NOW)
        assert due == NOW + timedelta(minutes=45)
        assert not run_clocks.has_ready(connection, due - timedelta(microseconds=1))
        assert run_clocks.has_ready(connection, due)
        assert run_clocks.next_due(connection, due) == NOW + timedelta(hours=18)


def test_more_are_due_than_a_batch_holds(shop: Shop) -> None:
    tickets = [shop.desk.ticket(priority="critical")["id"] for _ in range(60)]
    shop.clock.advance(timedelta(hours=1))
    assert [shop.run_clocks(), shop.run_clocks(), shop.run_clocks()] == [50, 10, 0]
    assert all(shop.desk.event_types(each)[-1] == "ticket.sla_breached" for each in tickets)


def test_clocks_that_cannot_be_read_hold_up_no_others(shop: Shop) -> None:
    bad, good = (shop.desk.ticket(priority="high")["id"] for _ in range(2))
    set_columns(shop.runtime.database, Ticket, bad, sla={"policy": "?"})
    shop.clock.advance(timedelta(hours=1))
    assert shop.run_clocks() == 2
    assert shop.desk.event_types(good)[-1] == "ticket.sla_breached"
    assert shop.desk.event_types(bad) == ["ticket.created"]
    assert row(shop, bad)["sla_due_at"] == NOW + timedelta(hours=1, minutes=10)
    assert shop.run_clocks() == 0


def test_resolving_fulfils_and_reopening_goes_on(shop: Shop) -> None:
    ticket_id = shop.desk.ticket(priority="high")["id"]
    shop.later(minutes=30)
    shop.desk.step(ticket_id, "resolve")
    assert moves(shop.desk.events(ticket_id)[-1]) == [
        ("first_response", "fulfil"),
        ("resolution", "fulfil"),
    ]
    assert row(shop, ticket_id)["sla_due_at"] is None
    shop.later(hours=10)
    shop.desk.step(ticket_id, "close")
    assert moves(shop.desk.events(ticket_id)[-1]) == []
    reopened = shop.desk.step(ticket_id, "reopen")
    assert reopened["expected_resolution_at"] == after(hours=14)
    assert clock(shop, ticket_id)["worked_s"] == 1800
    assert clock(shop, ticket_id, "first_response")["state"] == "fulfilled"


def test_a_pause_stops_the_clock_and_says_when_it_would_be_due(shop: Shop) -> None:
    ticket_id = shop.desk.ticket(priority="high")["id"]
    shop.later(minutes=30)
    change(shop, row(shop, ticket_id), status="on_hold")
    shop.later(hours=5)
    found = clock(shop, ticket_id)
    assert (found["state"], found["due_at"]) == ("paused", None)
    assert found["projected_at"] == after(hours=9)
    # The first response was owed all the time.
    assert clock(shop, ticket_id, "first_response")["breached_at"] == after(hours=1)
    change(shop, row(shop, ticket_id), status="open")
    assert clock(shop, ticket_id)["due_at"] == after(hours=9)
    assert shop.desk.read(ticket_id)["expected_resolution_at"] == after(hours=9)


def test_another_priority_sets_the_clocks_in_the_same_event(shop: Shop) -> None:
    ticket_id = shop.desk.ticket(priority="low")["id"]
    shop.later(hours=2)
    changed = shop.desk.ok("PATCH", f"/v1/tickets/{ticket_id}", {"priority": "high"})
    assert changed["expected_resolution_at"] == after(hours=4)
    updated, breached = shop.desk.events(ticket_id)[-2:]
    assert moves(updated) == [("first_response", "set"), ("resolution", "set")]
    assert updated["data"]["sla"][0]["due_at"] == after(hours=2)
    assert (breached["type"], moves(breached)) == (
        "ticket.sla_breached",
        [("first_response", "breach")],
    )
    assert changed["version"] == breached["sequence"]
    assert clock(shop, ticket_id)["due_at"] == after(hours=4)


def test_a_ticket_changed_twice_in_a_transaction_loses_no_move(shop: Shop) -> None:
    """By whoever holds the row as it was before the first change."""
    ticket_id = shop.desk.ticket(priority="high")["id"]
    shop.clock.advance(timedelta(minutes=10))
    before = row(shop, ticket_id)
    with shop.runtime.database.transaction() as tx:
        event, now = EventType.TICKET_UPDATED, shop.clock.now()
        hold, go_on = {"status": "on_hold"}, {"status": "open"}
        apply(tx, [Change(before, hold, event, "test", None, {"changed": ["status"]})], now)
        later = {**before, **hold, "version": 2}
        apply(tx, [Change(later, go_on, event, "test", None, {"changed": ["status"]})], now)
    assert [moves(each) for each in shop.desk.events(ticket_id)[1:]] == [
        [("resolution", "pause")],
        [("resolution", "resume")],
    ]
    assert clock(shop, ticket_id)["due_at"] == after(hours=4)


def test_a_rule_names_the_policy_in_the_event_of_the_assignment(shop: Shop) -> None:
    shop.desk.sla_policy("gold", "30m")
    rule(shop, sla_policy="gold")
    shop.desk.agent()
    ticket = shop.desk.ticket(priority="low")
    assert ticket["expected_resolution_at"] == after(days=10)
    shop.settle()
    found = shop.desk.read(ticket["id"])
    assert (found["sla_policy"], found["expected_resolution_at"]) == ("gold", after(minutes=30))
    assigned = shop.desk.events(ticket["id"])[-1]
    assert assigned["type"] == "ticket.assigned"
    assert moves(assigned) == [("first_response", "set"), ("resolution", "set")]
    assert {each["policy"] for each in assigned["data"]["sla"]} == {"gold"}
    assert shop.desk.sla(ticket["id"])["policy"] == {"name": "gold", "version": 1}


def test_a_rule_sets_the_priority_of_a_ticket_that_then_waits(shop: Shop) -> None:
    rule(shop, priority="critical")
    ticket_id = shop.desk.ticket(priority="low")["id"]
    shop.settle()
    waiting = shop.desk.events(ticket_id)[-1]
    assert waiting["type"] == "ticket.waiting"
    assert waiting["data"]["ticket"]["expected_resolution_at"] == after(hours=1)
    assert moves(waiting) == [("first_response", "set"), ("resolution", "set")]
    shop.desk.agent()
    shop.settle()
    assert moves(shop.desk.events(ticket_id)[-1]) == []
    shop.desk.sla(ticket_id)


def test_a_team_has_a_policy_and_may_get_another(shop: Shop) -> None:
    shop.desk.sla_policy("slow", "20h")
    shop.desk.sla_policy("fast", "2h")
    shop.desk.team("network", sla_policy="slow")
    ticket = shop.desk.ticket(team="network")
    assert ticket["expected_resolution_at"] == after(hours=20)
    shop.settle()
    shop.desk.ok("PATCH", "/v1/teams/network", {"sla_policy": "fast"})
    shop.settle()
    assert shop.desk.read(ticket["id"])["expected_resolution_at"] == after(hours=2)
    [updated] = [e for e in shop.desk.events(ticket["id"]) if e["type"] == "ticket.updated"]
    assert updated["data"]["changed"] == ["expected_resolution_at"]
    shop.desk.ok("PATCH", "/v1/teams/network", {"sla_policy": None})
    shop.settle()
    assert shop.desk.sla(ticket["id"])["policy"]["name"] == "default"


def test_a_policy_that_is_edited_sets_what_runs_by_it(shop: Shop) -> None:
    shop.desk.sla_policy("gold", "4h")
    shop.desk.team("network", sla_policy="gold")
    running = shop.desk.ticket(team="network")["id"]
    resolved = shop.desk.ticket(team="network")["id"]
    other = shop.desk.ticket()["id"]
    shop.desk.step(resolved, "resolve")
    shop.settle()
    seen = {each: len(shop.desk.events(each)) for each in (resolved, other)}
    shop.later(minutes=10)
    assert shop.desk.sla_policy("gold", "1h")["version"] == 2
    shop.settle()
    assert shop.desk.read(running)["expected_resolution_at"] == after(hours=1)
    assert {each: len(shop.desk.events(each)) for each in (resolved, other)} == seen
    assert shop.desk.sla(running)["policy"] == {"name": "gold", "version": 2}
    assert shop.desk.sla(resolved)["policy"] == {"name": "gold", "version": 1}
    assert shop.desk.sla_policy("gold", "1h")["version"] == 2


def test_a_holiday_that_is_announced_moves_what_is_due(shop: Shop) -> None:
    shop.desk.ok("POST", "/v1/calendars", OFFICE)
    shop.desk.sla_policy("office-hours", "10h", calendar="office")
    shop.desk.team("network", sla_policy="office-hours")
    ticket = shop.desk.ticket(team="network")
    assert ticket["expected_resolution_at"] == "2026-03-03T10:00:00.000000Z"
    shop.desk.ok("PATCH", "/v1/calendars/office", TUESDAY)
    shop.settle()
    moved = shop.desk.read(ticket["id"])["expected_resolution_at"]
    assert moved == "2026-03-04T10:00:00.000000Z"
    assert shop.desk.sla(ticket["id"])["policy"]["version"] == 2
    refused = shop.desk.call("DELETE", "/v1/calendars/office")
    assert (refused.status_code, refused.get_json()["sla_policies"]) == (409, 1)


def test_tickets_from_before_there_were_clocks_get_theirs(shop: Shop) -> None:
    ticket_id = shop.desk.ticket(priority="high")["id"]
    set_columns(shop.runtime.database, Ticket, ticket_id, sla=None, sla_due_at=NOW)
    shop.later(minutes=50)
    found = {each["metric"]: each for each in clocks_of(shop, ticket_id)}
    assert found["resolution"]["due_at"] == after(hours=4)
    assert found["first_response"]["warned_at"] == after(minutes=45)


def clocks_of(shop: Shop, ticket_id: str) -> list[dict[str, Any]]:
    """The clocks alone: their start is told twice, once by the test's own meddling."""
    return list(shop.desk.ok("GET", f"/v1/tickets/{ticket_id}/sla")["clocks"])


def test_what_does_not_follow_from_the_events_is_found_out(shop: Shop) -> None:
    ticket_id = shop.desk.ticket(priority="high")["id"]
    sla = row(shop, ticket_id)["sla"]
    sla["clocks"]["resolution"]["target_s"] = 1
    set_columns(shop.runtime.database, Ticket, ticket_id, sla=sla)
    found = shop.desk.ok("GET", f"/v1/tickets/{ticket_id}/sla")["recomputed"]
    assert found["agrees"] is False
    assert "target_s" in found["differences"][0]


@pytest.mark.parametrize("seed", range(3))
def test_after_many_things_in_any_order_all_clocks_follow_from_the_events(
    shop: Shop, seed: int
) -> None:
    dice = random.Random(seed)
    desk = shop.desk
    desk.ok("POST", "/v1/calendars", OFFICE)
    for name, calendar in (("gold", None), ("silver", "office")):
        desk.sla_policy(name, "4h", calendar=calendar)
    desk.team("network", sla_policy="silver")
    desk.agent(3, teams=["network"])
    tickets = [desk.ticket(team="network")["id"] for _ in range(4)]

    def step() -> None:
        ticket_id = dice.choice(tickets)
        priority = dice.choice(["critical", "high", "medium", "low"])
        status = dice.choice(["new", "on_hold", "pending_customer", "spam"])
        match dice.randrange(8):
            case 0 | 1:
                desk.ok("PATCH", f"/v1/tickets/{ticket_id}", {"priority": priority})
            case 2:
                steps = {"new": "resolve", "open": "resolve", "resolved": "reopen"}
                desk.step(ticket_id, steps.get(desk.read(ticket_id)["status"], "reopen"))
            case 3:
                found = row(shop, ticket_id)
                if found["status"] not in ("resolved", "closed", "open", status):
                    change(shop, found, status=status)
            case 4:
                desk.sla_policy(dice.choice(["gold", "silver"]), f"{dice.randint(1, 30)}h")
            case 5:
                desk.ok("PATCH", "/v1/teams/network", {"sla_policy": dice.choice(["gold", None])})
            case 6:
                rule(shop, **dice.choice([{"sla_policy": "gold"}, {"priority": priority}]))
            case _:
                shop.later(minutes=dice.randint(1, 600))

    for _ in range(40):
        for ticket_id in tickets:
            if desk.read(ticket_id)["status"] in ("on_hold", "pending_customer", "spam"):
                change(shop, row(shop, ticket_id), status="new")
        step()
    for ticket_id in tickets:
        desk.sla(ticket_id)
    assert_sound(shop.runtime.database)


def test_looking_for_what_is_due_goes_by_its_index(shop: Shop) -> None:
    tickets = table(Ticket)
    query = select(tickets.c.id).where(tickets.c.sla_due_at <= NOW).order_by(tickets.c.sla_due_at)
    engine = shop.runtime.database.engine
    literal = query.compile(engine, compile_kwargs={"literal_binds": True})
    with engine.connect() as connection:
        if engine.dialect.name == "postgresql":
            # The table is too small for an index to be worth it.
            connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
            lines = connection.exec_driver_sql(f"EXPLAIN {literal}").scalars().all()
        else:
            lines = [
                each[-1] for each in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {literal}")
            ]
    assert "ix_tickets_sla_due_at" in "\n".join(lines)


def test_moments_are_told_in_utc(shop: Shop) -> None:
    found = clock(shop, shop.desk.ticket()["id"])
    assert datetime.fromisoformat(found["due_at"]) == NOW + timedelta(days=2)
