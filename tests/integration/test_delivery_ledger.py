"""Who was told what, when, with which result, and sending it again."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import delete

from services.intake.api import deliveries as deliveries_api
from shared.db.delivery_retention import forget_deliveries
from shared.db.models import Delivery, DeliveryAttempt, OutboxEntry
from shared.db.models.base import table
from shared.domain.clock import rfc3339
from shared.domain.delivery import REPLAY_RANK
from shared.domain.work import WorkState
from shared.messaging.worker_host import WorkerHost
from shared.runtime import Runtime
from shared.settings import Settings
from tests.api_keys import create_key
from tests.clock import ShiftedClock
from tests.desk import Desk
from tests.endpoints import add_deliveries
from tests.problems import assert_problem
from tests.receiver import Receiver
from tests.rows import rows, set_columns
from tests.waiting import eventually


def deliveries(desk: Desk, webhook: dict[str, Any], query: str = "") -> list[dict[str, Any]]:
    return list(desk.ok("GET", f"/v1/webhooks/{webhook['id']}/deliveries{query}")["items"])


def settled(desk: Desk, delivery_id: str, state: str = "delivered") -> dict[str, Any]:
    """Wait until a delivery is in a state; return it with its tries."""

    def look() -> dict[str, Any] | None:
        found = desk.ok("GET", f"/v1/deliveries/{delivery_id}")
        return found if found["state"] == state else None

    return dict(eventually(look))


def replay(desk: Desk, webhook: dict[str, Any], **choice: Any) -> dict[str, Any]:
    return dict(desk.ok("POST", f"/v1/webhooks/{webhook['id']}/replays", choice))


def give_up(runtime: Runtime, delivery_id: str) -> None:
    """End a delivery as if its schedule were exhausted."""
    now = runtime.clock.now()
    set_columns(runtime.database, Delivery, delivery_id, work_state="dead", finished_at=now)


def one_refused(desk: Desk, runtime: Runtime, receiver: Receiver) -> tuple[dict[str, Any], str]:
    """A subscription whose only delivery was refused once and given up."""
    receiver.manner = lambda event, earlier: 500
    webhook = desk.webhook(receiver.url, "ticket.created")
    desk.ticket()
    [delivery] = eventually(lambda: [d for d in deliveries(desk, webhook) if d["last_error"]])
    give_up(runtime, delivery["id"])
    return webhook, delivery["id"]


def test_a_test_event_is_sent_signed_and_kept_like_any_other(
    working_desk: Desk, receiver: Receiver
) -> None:
    desk = working_desk
    webhook = desk.webhook(receiver.url, "ticket.closed")
    queued = desk.ok("POST", f"/v1/webhooks/{webhook['id']}/test", {})
    delivery = settled(desk, queued["id"])
    [message] = receiver.received
    assert message.headers["webhook-id"] == queued["event_id"] == message.event["id"]
    assert message.event["data"]["webhook"]["id"] == webhook["id"]
    assert (message.event["type"], message.event["sequence"]) == ("webhook.test", 0)
    assert (delivery["kind"], delivery["event_type"]) == ("test", "webhook.test")
    assert delivery["ticket_id"] is None
    assert [each["status"] for each in delivery["tries"]] == [204]


def test_the_example_of_a_type_is_sent_when_it_is_asked_for(
    working_desk: Desk, receiver: Receiver
) -> None:
    desk = working_desk
    webhook = desk.webhook(receiver.url)
    path = f"/v1/webhooks/{webhook['id']}/test"
    desk.ok("POST", path, {"event_type": "ticket.assigned"})
    [message] = receiver.wait_for(1)
    example = desk.ok("GET", "/v1/webhooks/event-types/ticket.assigned")["example"]
    assert message.event["data"] == example["data"]
    assert message.event["sequence"] == 0
    desk.ok("PATCH", f"/v1/webhooks/{webhook['id']}", {"enabled": False})
    assert_problem(desk.call("POST", path, {}), 409, "conflict")
    response = desk.call("POST", path, {"event_type": "ticket.invented"})
    assert_problem(response, 422, "invalid-input", ["/event_type"])


def test_every_attempt_is_kept_with_its_time_status_and_answer(
    working_desk: Desk, runtime: Runtime, receiver: Receiver, clock: ShiftedClock
) -> None:
    desk = working_desk
    receiver.manner = lambda event, earlier: 500 if not earlier else 204
    webhook = desk.webhook(receiver.url, "ticket.created")
    ticket = desk.ticket()
    [pending] = eventually(lambda: [d for d in deliveries(desk, webhook) if d["last_error"]])
    assert (pending["state"], pending["attempts"]) == ("pending", 1)
    assert pending["last_error"] == "HTTP 500"
    assert pending["next_attempt_at"] > pending["created_at"]
    assert pending["ticket_id"] == ticket["id"]
    clock.advance(seconds=10)
    done = settled(desk, pending["id"])
    tries = [(each["number"], each["outcome"], each["status"]) for each in done["tries"]]
    assert tries == [(1, "temporary_failure", 500), (2, "delivered", 204)]
    assert done["next_attempt_at"] is None
    assert done["finished_at"] == done["tries"][-1]["finished_at"]
    ours = table(DeliveryAttempt).c.delivery_id == pending["id"]
    [first, _] = rows(runtime.database, DeliveryAttempt, ours)
    set_columns(runtime.database, DeliveryAttempt, first["id"], operator_detail="10.0.0.7 refused")
    seen = desk.ok("GET", f"/v1/deliveries/{pending['id']}")["tries"][0]
    assert seen["operator_detail"] == "10.0.0.7 refused"
    tenant = Desk(desk.app, create_key(runtime.database, "tenant", ["deliveries:read"]))
    seen = tenant.ok("GET", f"/v1/deliveries/{pending['id']}")["tries"][0]
    assert "operator_detail" not in seen


def test_deliveries_are_listed_the_newest_first_page_by_page_and_filtered(
    working_desk: Desk, receiver: Receiver
) -> None:
    desk = working_desk
    webhook = desk.webhook(receiver.url, "ticket.created", "ticket.commented")
    tickets = [desk.ticket()["id"] for _ in range(3)]
    desk.say(tickets[1], "more")
    eventually(lambda: len(deliveries(desk, webhook, "?state=delivered")) == 4)
    everything = deliveries(desk, webhook)
    assert sorted(everything, key=lambda d: (d["created_at"], d["id"]))[::-1] == everything
    path, collected = f"/v1/webhooks/{webhook['id']}/deliveries?limit=3", []
    page = desk.ok("GET", path)
    collected += page["items"]
    page = desk.ok("GET", f"{path}&after={page['next']}")
    assert page["next"] is None
    assert collected + page["items"] == everything
    assert len(deliveries(desk, webhook, "?event_type=ticket.commented")) == 1
    assert len(deliveries(desk, webhook, f"?ticket_id={tickets[1]}")) == 2
    assert deliveries(desk, webhook, "?state=failed") == []
    middle = everything[1]["created_at"]
    later = deliveries(desk, webhook, f"?created_after={middle}")
    earlier = deliveries(desk, webhook, f"?created_before={middle}")
    assert len(later) + len(earlier) == 4
    assert all(each["created_at"] >= middle for each in later)
    assert all(each["created_at"] < middle for each in earlier)


def test_what_no_ticket_has_is_found_by_its_type_too(
    working_desk: Desk, runtime: Runtime, receiver: Receiver
) -> None:
    desk = working_desk
    webhook = desk.webhook(receiver.url, "ticket.created", "ticket.waiting")
    path = f"/v1/webhooks/{webhook['id']}/test"
    desk.ok("POST", path, {})
    desk.ok("POST", path, {"event_type": "ticket.closed"})
    desk.ticket()
    eventually(lambda: len(deliveries(desk, webhook, "?state=delivered")) == 4)
    for each in deliveries(desk, webhook):
        asked = f"?event_type={each['event_type']}"
        assert [d["id"] for d in deliveries(desk, webhook, asked)] == [each["id"]]
        choice = {"event_types": [each["event_type"]], "states": ["delivered"], "dry_run": True}
        assert replay(desk, webhook, **choice)["count"] == 1
    assert deliveries(desk, webhook, "?event_type=webhook.failing") == []
    both = {"event_types": ["webhook.test", "ticket.created"], "states": ["delivered"]}
    assert replay(desk, webhook, **both)["count"] == 2
    unknown = desk.call("GET", f"/v1/webhooks/{webhook['id']}/deliveries?event_type=webhook.new")
    assert_problem(unknown, 422, "invalid-input", ["/query/event_type"])


def test_a_dry_run_counts_more_than_one_request_may_send(
    desk: Desk, runtime: Runtime, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deliveries_api, "MAX_REPLAYS", 3)
    database, now = runtime.database, runtime.clock.now()
    for _ in range(2):
        desk.ticket()
    with database.transaction() as tx:
        tx.execute(delete(table(OutboxEntry)))
    webhook = desk.webhook(receiver.url)
    over = {"work_state": WorkState.DEAD, "finished_at": now, "created_at": now}
    add_deliveries(database, webhook["id"], 5, **over)
    counted = replay(desk, webhook, dry_run=True, rate_per_s=2)
    assert counted["count"] == 5
    assert counted["due_until"] >= rfc3339(now + timedelta(seconds=2))
    choice = {"created_after": rfc3339(now), "missed": True}
    assert replay(desk, webhook, dry_run=True, **choice)["count"] == 7
    refused = desk.call("POST", f"/v1/webhooks/{webhook['id']}/replays", choice)
    assert_problem(refused, 422, "invalid-input", ["/created_before"])


def test_one_that_was_given_up_is_sent_again_with_the_same_id_and_the_whole_schedule(
    working_desk: Desk, runtime: Runtime, receiver: Receiver, clock: ShiftedClock
) -> None:
    desk = working_desk
    _, delivery_id = one_refused(desk, runtime, receiver)
    queued = desk.ok("POST", f"/v1/deliveries/{delivery_id}/replay", {})
    assert queued["state"] == "pending"
    eventually(lambda: len(receiver.received) == 2)
    again = eventually(
        lambda: (found := desk.ok("GET", f"/v1/deliveries/{delivery_id}"))["last_error"] and found
    )
    assert (again["state"], again["attempts"]) == ("pending", 1)
    assert [each["number"] for each in again["tries"]] == [1, 1]
    assert_problem(desk.call("POST", f"/v1/deliveries/{delivery_id}/replay", {}), 409, "conflict")
    receiver.manner = lambda event, earlier: 204
    clock.advance(seconds=10)
    assert len(settled(desk, delivery_id)["tries"]) == 3
    assert {each.headers["webhook-id"] for each in receiver.received} == {queued["event_id"]}


def test_what_is_sent_again_holds_up_nothing_of_its_ticket(
    working_desk: Desk, runtime: Runtime, receiver: Receiver
) -> None:
    desk = working_desk
    receiver.manner = lambda event, earlier: 500 if event["type"] == "ticket.created" else 204
    webhook = desk.webhook(receiver.url, "ticket.created", "ticket.commented")
    ticket = desk.ticket()["id"]
    [first] = eventually(lambda: [d for d in deliveries(desk, webhook) if d["last_error"]])
    give_up(runtime, first["id"])
    desk.ok("POST", f"/v1/deliveries/{first['id']}/replay", {})
    eventually(lambda: len(receiver.received) == 2)
    eventually(lambda: desk.ok("GET", f"/v1/deliveries/{first['id']}")["last_error"])
    desk.say(ticket, "still here")
    receiver.wait_for_type("ticket.commented", ticket)
    assert desk.ok("GET", f"/v1/deliveries/{first['id']}")["state"] == "pending"


def test_many_are_counted_first_and_then_sent_again_at_a_rate(
    desk: Desk, runtime: Runtime, receiver: Receiver, start_host: Callable[..., WorkerHost]
) -> None:
    host = start_host(runtime)
    receiver.manner = lambda event, earlier: 500
    webhook = desk.webhook(receiver.url, "ticket.created")
    for _ in range(4):
        desk.ticket()
    eventually(lambda: [d["last_error"] for d in deliveries(desk, webhook)] == ["HTTP 500"] * 4)
    host.stop(5)
    given_up = [each["id"] for each in deliveries(desk, webhook)[1:]]
    for each in given_up:
        give_up(runtime, each)
    counted = replay(desk, webhook, dry_run=True)
    assert (counted["count"], counted["dry_run"]) == (3, True)
    assert len(deliveries(desk, webhook, "?state=failed")) == 3
    assert replay(desk, webhook, dry_run=True, states=["delivered"])["count"] == 0
    sent = replay(desk, webhook, rate_per_s=2)
    assert sent["count"] == 3
    again = [d for d in rows(runtime.database, Delivery) if d["id"] in given_up]
    due = sorted(each["available_at"] for each in again)
    assert [each - due[0] for each in due] == [timedelta(seconds=s) for s in (0, 0.5, 1)]
    assert rfc3339(due[-1]) == sent["due_until"]
    assert {each["rank"] for each in again} == {REPLAY_RANK}
    assert replay(desk, webhook)["count"] == 0, "they are on their way already"


def test_what_a_subscription_missed_is_sent_if_it_wants_it(
    working_desk: Desk, receiver: Receiver, runtime: Runtime
) -> None:
    desk = working_desk
    since = rfc3339(runtime.clock.now())
    old = [desk.ticket(tags=tags)["id"] for tags in (["vip"], [], ["vip"])]
    eventually(lambda: not rows(runtime.database, OutboxEntry))
    choices = {"event_types": ["ticket.created"], "filter": '"vip" in event.data.ticket.tags'}
    webhook = desk.ok("POST", "/v1/webhooks", {"url": receiver.url, **choices})
    new = desk.ticket(tags=["vip"])["id"]
    receiver.wait_for_type("ticket.created", new)
    eventually(lambda: "ticket.waiting" in desk.event_types(new))
    choice: dict[str, Any] = {"created_after": since, "missed": True}
    eventually(lambda: replay(desk, webhook, **choice, dry_run=True)["count"] == 2)
    assert replay(desk, webhook, **choice, rate_per_s=100)["count"] == 2
    messages = receiver.wait_for(3)
    told = [each.event["data"]["ticket"]["id"] for each in messages]
    assert (told[0], sorted(told[1:])) == (new, [old[0], old[2]])
    assert replay(desk, webhook, **choice)["count"] == 0


def test_what_was_missed_is_not_looked_for_without_a_beginning_that_is_known(
    desk: Desk, receiver: Receiver
) -> None:
    path = f"/v1/webhooks/{desk.webhook(receiver.url)['id']}/replays"
    for choice in ({"missed": True}, {"missed": True, "created_after": "2020-01-01T00:00:00Z"}):
        response = desk.call("POST", path, choice)
        assert_problem(response, 422, "invalid-input", ["/created_after"])


def test_nothing_is_sent_again_to_a_subscription_that_is_disabled(
    working_desk: Desk, runtime: Runtime, receiver: Receiver
) -> None:
    desk = working_desk
    webhook, delivery_id = one_refused(desk, runtime, receiver)
    desk.ok("PATCH", f"/v1/webhooks/{webhook['id']}", {"enabled": False})
    assert_problem(desk.call("POST", f"/v1/deliveries/{delivery_id}/replay", {}), 409, "conflict")
    path = f"/v1/webhooks/{webhook['id']}/replays"
    assert_problem(desk.call("POST", path, {}), 409, "conflict")
    assert desk.ok("POST", path, {"dry_run": True})["count"] == 1


def test_a_ticket_tells_who_was_told_what_until_its_requester_is_erased(
    settings: Settings,
    new_runtime: Callable[..., Runtime],
    new_app: Callable[[Runtime], Flask],
    token: str,
    receiver: Receiver,
    start_host: Callable[..., WorkerHost],
) -> None:
    runtime = new_runtime(replace(settings, email_url=f"file:{settings.data_dir / 'mails'}"))
    desk = Desk(new_app(runtime), token)
    start_host(runtime)
    webhook = desk.webhook(receiver.url, "ticket.created")
    ticket = desk.ticket()
    path = f"/v1/tickets/{ticket['id']}/deliveries"

    def told() -> list[tuple[str, str, str, str]]:
        items = desk.ok("GET", path)["items"]
        return [(d["event_type"], d["channel"], d["receiver"], d["state"]) for d in items]

    by_mail = ("ticket.created", "email", "mira@example.com", "delivered")
    by_webhook = ("ticket.created", "webhook", webhook["id"], "delivered")
    eventually(lambda: set(told()) == {by_mail, by_webhook})
    [mail] = [d for d in desk.ok("GET", path)["items"] if d["channel"] == "email"]
    first = desk.ok("GET", f"{path}?limit=1")
    second = desk.ok("GET", f"{path}?limit=1&after={first['next']}")
    assert len({each["items"][0]["id"] for each in (first, second)}) == 2
    theirs = desk.as_requester(runtime.database, ticket["id"])
    assert_problem(theirs.call("GET", path), 403, "forbidden")
    # An answer that is remembered holds no address either.
    key = {"Idempotency-Key": "again"}
    desk.ok("POST", f"/v1/deliveries/{mail['id']}/replay", {}, headers=key)
    settled(desk, mail["id"])
    desk.ok("POST", f"/v1/requesters/{ticket['requester']['id']}/erase", {})
    shown = desk.call("GET", path).get_data(as_text=True)
    shown += desk.call("GET", f"/v1/deliveries/{mail['id']}").get_data(as_text=True)
    shown += desk.call("POST", f"/v1/deliveries/{mail['id']}/replay", {}, headers=key).get_data(
        as_text=True
    )
    assert "mira" not in shown.lower()
    assert_problem(desk.call("POST", f"/v1/deliveries/{mail['id']}/replay", {}), 409, "conflict")


def test_deliveries_that_are_over_are_forgotten_in_time_with_their_attempts(
    working_desk: Desk, runtime: Runtime, receiver: Receiver, clock: ShiftedClock
) -> None:
    desk = working_desk
    receiver.manner = lambda event, earlier: 500 if event["sequence"] > 1 else 204
    webhook = desk.webhook(receiver.url, "ticket.created", "ticket.commented")
    desk.say(desk.ticket()["id"], "held back")
    eventually(lambda: [d["state"] for d in deliveries(desk, webhook)] == ["pending", "delivered"])
    eventually(lambda: deliveries(desk, webhook)[0]["last_error"])
    # All that is not over by now is the delivery that failed: mails are.
    unfinished = table(Delivery).c.finished_at.is_(None)
    eventually(lambda: len(rows(runtime.database, Delivery, unfinished)) == 1)
    before: datetime = clock.now()
    clock.advance(seconds=1)
    assert forget_deliveries(runtime.database, before - timedelta(hours=1)) == 0
    mails = len(rows(runtime.database, Delivery)) - 2
    assert forget_deliveries(runtime.database, clock.now()) == 1 + mails
    [left] = deliveries(desk, webhook)
    assert left["state"] == "pending"
    kept = {each["delivery_id"] for each in rows(runtime.database, DeliveryAttempt)}
    assert kept == {left["id"]}
