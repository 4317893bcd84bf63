"""Every event reaches every subscriber, in order within its ticket, whatever the receivers do."""

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from flask import Flask

from shared.db.models import Delivery, DeliveryAttempt, OutboxEntry
from shared.db.models.base import table
from shared.domain.delivery import DeliveryChannel
from shared.domain.work import ListName, WorkState
from shared.messaging.worker_host import WorkerHost
from shared.runtime import Runtime
from shared.settings import Settings
from tests.clock import ShiftedClock
from tests.desk import Desk
from tests.invariants import assert_sound
from tests.receiver import Receiver
from tests.rows import rows, set_columns
from tests.waiting import eventually

WEBHOOKS = table(Delivery).c.channel == DeliveryChannel.WEBHOOK


def webhooks(runtime: Runtime) -> list[dict[str, Any]]:
    return rows(runtime.database, Delivery, WEBHOOKS)


def attempts(runtime: Runtime) -> list[dict[str, Any]]:
    """Attempts to deliver webhooks, in their order."""
    ids = {delivery["id"] for delivery in webhooks(runtime)}
    return [each for each in rows(runtime.database, DeliveryAttempt) if each["delivery_id"] in ids]


def test_a_refused_event_comes_again_when_the_schedule_says_so(
    working_desk: Desk, runtime: Runtime, receiver: Receiver, clock: ShiftedClock
) -> None:
    receiver.manner = lambda event, earlier: 500 if earlier < 2 else 200
    working_desk.webhook(receiver.url, "ticket.created")
    working_desk.ticket()
    for number, delay_s in ((1, 5), (2, 60)):
        eventually(lambda number=number: len(attempts(runtime)) == number)
        [delivery] = webhooks(runtime)
        assert delivery["work_state"] is WorkState.READY
        assert delivery["last_error"] == "HTTP 500"
        attempt = attempts(runtime)[-1]
        wait_s = (delivery["available_at"] - attempt["finished_at"]).total_seconds()
        assert delay_s <= wait_s <= delay_s * 1.2
        clock.advance(seconds=delay_s * 1.2)
    receiver.wait_for(1)
    assert [each.status for each in receiver.received] == [500, 500, 200]
    assert len({each.headers["webhook-id"] for each in receiver.received}) == 1
    eventually(lambda: all(d["work_state"] is WorkState.DONE for d in webhooks(runtime)))


def test_an_answer_that_is_no_text_is_recorded_all_the_same(
    working_desk: Desk, runtime: Runtime, receiver: Receiver
) -> None:
    receiver.manner = lambda event, earlier: 302
    receiver.headers["Location"] = "/caf\xe9"  # One byte, which is no UTF-8.
    working_desk.webhook(receiver.url, "ticket.created")
    working_desk.ticket()
    [attempt] = eventually(lambda: attempts(runtime))
    assert "Location: /caf\ufffd" in attempt["detail"]
    [delivery] = webhooks(runtime)
    assert (delivery["attempts"], delivery["work_state"]) == (1, WorkState.READY)


def test_a_receiver_that_asks_for_time_gets_it(
    working_desk: Desk, runtime: Runtime, receiver: Receiver
) -> None:
    receiver.manner = lambda event, earlier: 503
    receiver.headers["Retry-After"] = "3600"
    working_desk.webhook(receiver.url, "ticket.created")
    working_desk.ticket()
    [attempt] = eventually(lambda: attempts(runtime))
    [delivery] = webhooks(runtime)
    assert (delivery["available_at"] - attempt["finished_at"]).total_seconds() == 3600


def test_events_of_one_ticket_keep_their_order_behind_one_that_failed(
    working_desk: Desk, runtime: Runtime, receiver: Receiver, clock: ShiftedClock
) -> None:
    desk = working_desk

    def first_is_refused_once(event: dict[str, Any], earlier: int) -> int:
        late = event["data"]["ticket"]["subject"] == "late" and event["sequence"] == 1
        return 500 if late and not earlier else 200

    receiver.manner = first_is_refused_once
    desk.webhook(receiver.url)
    desk.agent(5)
    late = desk.ticket(subject="late")["id"]
    eventually(lambda: desk.assignee(late))
    desk.ok("PATCH", f"/v1/tickets/{late}", {"tags": ["a"]})
    desk.step(late, "resolve")
    prompt = desk.ticket(subject="prompt")["id"]
    receiver.wait_for_type("ticket.assigned", prompt)
    assert receiver.types(late) == []
    clock.advance(seconds=6)
    receiver.wait_for_type("ticket.resolved", late)
    life = ["ticket.created", "ticket.assigned", "ticket.updated", "ticket.resolved"]
    assert receiver.types(late) == life
    assert_sound(runtime.database)


def test_a_subscriber_gets_the_types_it_asked_for(working_desk: Desk, receiver: Receiver) -> None:
    desk = working_desk
    desk.webhook(receiver.url, "ticket.assigned", "ticket.closed")
    desk.agent(5)
    ticket_id = desk.ticket()["id"]
    receiver.wait_for_type("ticket.assigned", ticket_id)
    desk.step(ticket_id, "resolve")
    desk.step(ticket_id, "close")
    receiver.wait_for_type("ticket.closed", ticket_id)
    assert receiver.types() == ["ticket.assigned", "ticket.closed"]


def test_a_receiver_that_hangs_holds_up_nobody_else(
    working_desk: Desk, new_receiver: Callable[[], Receiver]
) -> None:
    hanging, prompt = new_receiver(), new_receiver()
    released = threading.Event()

    def hang(event: dict[str, Any], earlier: int) -> int:
        released.wait(10)
        return 200

    hanging.manner = hang
    for each in (hanging, prompt):
        working_desk.webhook(each.url)
    for _ in range(10):
        working_desk.ticket()
    prompt.wait_for(10)
    assert hanging.accepted == []
    released.set()
    hanging.wait_for(10)


def test_the_metrics_tell_what_became_of_deliveries(
    working_desk: Desk, runtime: Runtime, receiver: Receiver
) -> None:
    desk, answer = working_desk, threading.Event()
    desk.webhook(receiver.url, "ticket.created")
    names = {
        "in_flight": 'patchbay_deliveries_in_flight{channel="webhook"}',
        "attempts": 'patchbay_deliveries_total{channel="webhook",outcome="Delivered"}',
        "waits": 'patchbay_delivery_wait_seconds_count{channel="webhook"}',
        "connections": "patchbay_webhook_connections_total",
    }

    def metrics() -> dict[str, float]:
        lines = desk.call("GET", "/metrics").get_data(as_text=True).splitlines()
        found = dict(line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
        return {name: float(found.get(sample, 0)) for name, sample in names.items()}

    def grown(before: dict[str, float]) -> dict[str, float]:
        return {name: value - before[name] for name, value in metrics().items()}

    before = metrics()
    receiver.manner = lambda event, earlier: 204 if answer.wait(20) else 500
    desk.ticket()
    under_way = {"in_flight": 1, "attempts": 0, "waits": 1, "connections": 1}
    eventually(lambda: grown(before) == under_way)
    answer.set()
    done = {"in_flight": 0, "attempts": 1, "waits": 1, "connections": 1}
    eventually(lambda: grown(before) == done)


def test_a_receiver_that_is_gone_is_disabled_and_what_was_on_its_way_is_cancelled(
    working_desk: Desk, runtime: Runtime, receiver: Receiver
) -> None:
    desk = working_desk
    receiver.manner = lambda event, earlier: 410
    endpoint = desk.webhook(receiver.url)["id"]
    ticket_id = desk.ticket()["id"]
    eventually(lambda: not desk.ok("GET", f"/v1/webhooks/{endpoint}")["enabled"])
    assert desk.ok("GET", f"/v1/webhooks/{endpoint}")["disabled_reason"] == "HTTP 410"
    eventually(lambda: "ticket.waiting" in desk.event_types(ticket_id))
    eventually(lambda: all(d["work_state"] is not WorkState.READY for d in webhooks(runtime)))
    assert len(receiver.received) == 1
    receiver.manner = lambda event, earlier: 200
    enabled = desk.ok("PATCH", f"/v1/webhooks/{endpoint}", {"enabled": True})
    assert enabled["disabled_reason"] is None
    other = desk.ticket()["id"]
    receiver.wait_for_type("ticket.created", other)


def test_a_disabled_subscription_gets_nothing_of_what_happens_meanwhile(
    working_desk: Desk, runtime: Runtime, receiver: Receiver
) -> None:
    desk = working_desk
    endpoint = desk.webhook(receiver.url, "ticket.created")["id"]
    desk.ok("PATCH", f"/v1/webhooks/{endpoint}", {"enabled": False})
    missed = desk.ticket()["id"]
    eventually(lambda: "ticket.waiting" in desk.event_types(missed))
    eventually(lambda: not rows(runtime.database, OutboxEntry))
    desk.ok("PATCH", f"/v1/webhooks/{endpoint}", {"enabled": True})
    later = desk.ticket()["id"]
    receiver.wait_for_type("ticket.created", later)
    assert receiver.types(missed) == []


def test_what_was_due_when_a_subscription_was_disabled_goes_out_when_it_is_enabled(
    desk: Desk, runtime: Runtime, receiver: Receiver, start_host: Callable[..., WorkerHost]
) -> None:
    receiver.manner = lambda event, earlier: 200 if earlier else 500
    endpoint = desk.webhook(receiver.url, "ticket.created")["id"]
    start_host(runtime)
    desk.ticket()
    eventually(lambda: attempts(runtime))
    desk.ok("PATCH", f"/v1/webhooks/{endpoint}", {"enabled": False})
    [delivery] = webhooks(runtime)
    set_columns(runtime.database, Delivery, delivery["id"], available_at=runtime.clock.now())
    runtime.ring(ListName.WEBHOOK)
    desk.ok("PATCH", f"/v1/webhooks/{endpoint}", {"enabled": True})
    receiver.wait_for(1)


def test_a_refused_destination_is_never_dialled(
    settings: Settings,
    runtime: Runtime,
    desk: Desk,
    receiver: Receiver,
    new_runtime: Callable[..., Runtime],
    start_host: Callable[..., WorkerHost],
) -> None:
    """The URL was acceptable when it was registered and is not any more."""
    desk.webhook(receiver.url)
    start_host(new_runtime(replace(settings, webhook_allowed_networks=())))
    desk.ticket()
    [attempt, *_] = eventually(lambda: attempts(runtime))
    assert attempt["outcome"] == "TemporaryFailure"
    assert attempt["detail"] == "destination not allowed"
    assert receiver.received == []


def test_two_notifiers_send_each_event_once(
    desk: Desk,
    runtime: Runtime,
    receiver: Receiver,
    new_runtime: Callable[..., Runtime],
    start_host: Callable[..., WorkerHost],
) -> None:
    desk.webhook(receiver.url)
    desk.agent(100)
    start_host(runtime, ["router"])
    for _ in range(2):
        start_host(new_runtime(), ["notifier"])
    for _ in range(40):
        desk.ticket()
    receiver.wait_for(80)
    eventually(lambda: all(d["work_state"] is WorkState.DONE for d in webhooks(runtime)))
    ids = [each.headers["webhook-id"] for each in receiver.received]
    assert len(ids) == len(set(ids)) == 80
    assert_sound(runtime.database)


def test_without_webhooks_and_mail_events_leave_the_outbox_all_the_same(
    settings: Settings,
    new_runtime: Callable[..., Runtime],
    new_app: Callable[[Runtime], Flask],
    token: str,
    start_host: Callable[..., WorkerHost],
) -> None:
    runtime = new_runtime(replace(settings, email_url="off:"))
    desk = Desk(new_app(runtime), token)
    start_host(runtime)
    ticket_id = desk.ticket()["id"]
    eventually(lambda: "ticket.waiting" in desk.event_types(ticket_id))
    eventually(lambda: not rows(runtime.database, OutboxEntry))
    assert rows(runtime.database, Delivery) == []
