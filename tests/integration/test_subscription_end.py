"""A subscription that is deleted gets nothing more, and what it got stays to be read."""

from typing import Any

import pytest

from services.notifier.channels.base import Delivered, TemporaryFailure
from shared.db import subscription_end
from shared.db.models import Delivery, DeliveryAttempt, EndpointHealth, IdempotencyKey, Subscription
from shared.db.subscription_end import DELETED, cancel_due_of_deleted, delete_subscription
from shared.domain.work import WorkState
from shared.runtime import Runtime
from tests.clock import ShiftedClock
from tests.desk import Desk
from tests.endpoints import Exchange, add_deliveries, add_endpoint
from tests.factories import NOW
from tests.problems import assert_problem
from tests.receiver import Receiver
from tests.rows import rows
from tests.waiting import eventually


def test_what_is_due_is_cancelled_the_ledger_stays_and_the_secrets_go(
    working_desk: Desk, runtime: Runtime, receiver: Receiver, clock: ShiftedClock
) -> None:
    desk = working_desk
    receiver.manner = lambda event, earlier: 500 if event["type"] == "ticket.commented" else 204
    body = {"url": receiver.url, "event_types": ["ticket.created", "ticket.commented"]}
    key = {"Idempotency-Key": "made-once"}
    made = desk.ok("POST", "/v1/webhooks", body, headers=key)
    path = f"/v1/webhooks/{made['id']}"
    desk.ok("POST", f"{path}/rotate-secret", {}, headers=key)
    ticket = desk.ticket()["id"]
    desk.say(ticket, "is it back?")

    def listed() -> list[Any]:
        return list(desk.ok("GET", f"{path}/deliveries")["items"])

    eventually(lambda: [d["last_error"] for d in listed()] == ["HTTP 500", None])
    assert desk.call("DELETE", path).status_code == 204
    for response in (desk.call("DELETE", path), desk.call("GET", path)):
        assert_problem(response, 404, "not-found")
    assert_problem(desk.call("POST", f"{path}/replays", {}), 404, "not-found")
    assert desk.ok("GET", "/v1/webhooks")["items"] == []
    pending, done = listed()
    assert (pending["state"], pending["last_error"]) == ("cancelled", DELETED)
    assert (done["state"], done["last_error"]) == ("delivered", None)
    tries = desk.ok("GET", f"/v1/deliveries/{pending['id']}")["tries"]
    assert [each["status"] for each in tries] == [500]
    again = desk.call("POST", f"/v1/deliveries/{pending['id']}/replay", {})
    assert_problem(again, 409, "conflict")
    assert rows(runtime.database, Subscription) == rows(runtime.database, EndpointHealth) == []
    replayed = desk.call("POST", "/v1/webhooks", body, headers=key)
    assert replayed.headers["Idempotency-Replayed"] == "true"
    assert replayed.get_json() == {**made, "secret": ""}
    assert "whsec_" not in str(rows(runtime.database, IdempotencyKey))
    count = len(receiver.received)
    clock.advance(hours=1)
    desk.say(ticket, "and now?")
    other = desk.webhook(receiver.url, "ticket.resolved")
    desk.ok("POST", f"/v1/webhooks/{other['id']}/test", {})
    eventually(lambda: len(receiver.received) == count + 1)
    never = desk.call("GET", f"/v1/webhooks/whk_{0:032x}/deliveries")
    assert_problem(never, 404, "not-found")


def test_what_is_under_way_at_the_deletion_does_not_come_back(runtime: Runtime) -> None:
    database = runtime.database
    endpoint, exchange = add_endpoint(database), Exchange(database)
    add_deliveries(database, endpoint, 2)
    answered, failed = exchange.claim()
    with database.transaction() as tx:
        assert delete_subscription(tx, endpoint, NOW)
    exchange.record([(answered, Delivered(200, "HTTP 200")), (failed, TemporaryFailure("500"))])
    assert {row["work_state"] for row in rows(database, Delivery)} == {WorkState.CANCELLED}
    assert len(rows(database, DeliveryAttempt)) == 2


def test_what_was_fanned_out_in_the_moment_of_the_deletion_is_cancelled_in_time(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And what is more than one transaction cancels."""
    database = runtime.database
    monkeypatch.setattr(subscription_end, "CHUNK", 2)
    endpoint, steady, exchange = add_endpoint(database), add_endpoint(database), Exchange(database)
    for each in (endpoint, steady):
        add_deliveries(database, each, 5)
    with database.transaction() as tx:
        assert delete_subscription(tx, endpoint, NOW)
    exchange.record([(job, TemporaryFailure("500", 500)) for job in exchange.claim()])
    assert exchange.claim() == []
    assert cancel_due_of_deleted(database, NOW) == 3
    assert cancel_due_of_deleted(database, NOW) == 0
    found = rows(database, Delivery)
    states = {(row["receiver"], row["work_state"]) for row in found}
    assert states == {(endpoint, WorkState.CANCELLED), (steady, WorkState.READY)}
    assert [row["subscription_id"] for row in rows(database, EndpointHealth)] == [steady]
