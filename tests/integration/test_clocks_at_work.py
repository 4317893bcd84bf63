"""A running router tells breaches and edits by itself, and subscribers hear of them."""

from collections.abc import Callable

from flask import Flask

from shared.messaging.worker_host import WorkerHost
from shared.runtime import Runtime
from tests.api_keys import create_key
from tests.clock import ShiftedClock
from tests.desk import Desk
from tests.receiver import Receiver
from tests.waiting import eventually


def test_a_breach_and_an_edited_policy_reach_a_subscriber(
    new_runtime: Callable[..., Runtime],
    new_app: Callable[[Runtime], Flask],
    start_host: Callable[..., WorkerHost],
    receiver: Receiver,
) -> None:
    clock = ShiftedClock()
    runtime = new_runtime(None, clock)
    desk = Desk(new_app(runtime), create_key(runtime.database, "test", ["*"]))
    desk.sla_policy("gold", "4h")
    desk.team("network", sla_policy="gold")
    desk.webhook(receiver.url, "ticket.sla_breached")
    start_host(runtime)
    ticket_id = desk.ticket(team="network")["id"]
    eventually(lambda: "ticket.waiting" in desk.event_types(ticket_id))
    clock.advance(minutes=90)
    breached = receiver.wait_for(1)[0].event
    assert [each["metric"] for each in breached["data"]["sla"]] == ["first_response"] * 2
    desk.sla_policy("gold", "1h")
    last = receiver.wait_for(2)[1].event
    assert [(each["metric"], each["type"]) for each in last["data"]["sla"]] == [
        ("resolution", "breach")
    ]
    assert desk.event_types(ticket_id)[-2:] == ["ticket.updated", "ticket.sla_breached"]
    desk.sla(ticket_id)
