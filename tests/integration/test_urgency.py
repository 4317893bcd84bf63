"""Who is served first when there is not room for all."""

from collections.abc import Callable

from shared.db.models import Agent, Assignment
from shared.messaging.worker_host import WorkerHost
from shared.runtime import Runtime
from tests.desk import Desk
from tests.rows import rows
from tests.waiting import eventually


def test_live_tickets_go_before_bulk_and_urgent_before_others(
    desk: Desk, runtime: Runtime, start_host: Callable[..., WorkerHost]
) -> None:
    posted = [
        ("low", "live"),
        ("critical", "bulk"),
        ("medium", "live"),
        ("low", "bulk"),
        ("critical", "live"),
        ("high", "live"),
    ]
    ids = {
        desk.ticket(priority=priority, lane=lane)["id"]: (priority, lane)
        for priority, lane in posted
    }
    desk.agent(4)
    start_host(runtime, ["router"])
    eventually(lambda: len(rows(runtime.database, Assignment)) == 4)
    assigned = [ids[row["ticket_id"]] for row in rows(runtime.database, Assignment)]
    assert assigned == [
        ("critical", "live"),
        ("high", "live"),
        ("medium", "live"),
        ("low", "live"),
    ]
    assert [agent["load"] for agent in rows(runtime.database, Agent)] == [4]


def test_what_a_rule_makes_urgent_goes_before_what_was_more_urgent_without_it(
    desk: Desk, runtime: Runtime, start_host: Callable[..., WorkerHost]
) -> None:
    rule = {"name": "vpn", "when": 'ticket.category == "vpn"', "then": {"priority": "critical"}}
    desk.ok("PUT", "/v1/routing/rules", {"rules": [rule]})
    medium = desk.ticket(priority="medium")["id"]
    raised = desk.ticket(priority="low", category="vpn")["id"]
    desk.agent(1)
    start_host(runtime, ["router"])
    eventually(lambda: desk.assignee(raised) or desk.assignee(medium))
    assert desk.assignee(raised)
