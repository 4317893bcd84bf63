"""Endpoints that fail, ask for time or come back: what is sent, and what the API says of them."""

from typing import Any

from shared.db.models import Delivery, DeliveryAttempt, OutboxEntry
from shared.db.models.base import table
from shared.domain.delivery import DeliveryChannel
from shared.domain.work import WorkState
from shared.runtime import Runtime
from tests.clock import ShiftedClock
from tests.desk import Desk
from tests.receiver import Receiver
from tests.rows import rows
from tests.waiting import eventually

WEBHOOKS = table(Delivery).c.channel == DeliveryChannel.WEBHOOK


def health(desk: Desk, endpoint: str) -> dict[str, Any]:
    return dict(desk.ok("GET", f"/v1/webhooks/{endpoint}")["health"])


def wait_for_state(desk: Desk, endpoint: str, state: str) -> None:
    eventually(lambda: health(desk, endpoint)["state"] == state)


def webhooks(runtime: Runtime) -> list[dict[str, Any]]:
    return rows(runtime.database, Delivery, WEBHOOKS)


def attempts(runtime: Runtime) -> int:
    ids = {row["id"] for row in webhooks(runtime)}
    return sum(each["delivery_id"] in ids for each in rows(runtime.database, DeliveryAttempt))


def test_a_new_endpoint_is_healthy(desk: Desk, receiver: Receiver) -> None:
    endpoint = desk.webhook(receiver.url)["id"]
    found = health(desk, endpoint)
    assert found.pop("state") == "healthy"
    assert found.pop("failures") == 0
    assert set(found.values()) == {None}
    [listed] = desk.ok("GET", "/v1/webhooks")["items"]
    assert listed["health"]["state"] == "healthy"


def test_an_endpoint_that_fails_rests_and_is_probed_until_it_is_back(
    working_desk: Desk, runtime: Runtime, receiver: Receiver, clock: ShiftedClock
) -> None:
    desk = working_desk
    receiver.manner = lambda event, earlier: 500
    endpoint = desk.webhook(receiver.url, "ticket.created")["id"]
    for _ in range(5):
        desk.ticket()
    wait_for_state(desk, endpoint, "open")
    for _ in range(5):
        desk.ticket()
    eventually(lambda: len(webhooks(runtime)) == 10)
    assert attempts(runtime) == 5
    clock.advance(seconds=31)
    eventually(lambda: attempts(runtime) == 6)
    wait_for_state(desk, endpoint, "open")
    receiver.manner = lambda event, earlier: 204
    clock.advance(seconds=61)
    receiver.wait_for(10)
    wait_for_state(desk, endpoint, "healthy")
    assert health(desk, endpoint)["last_success_at"] is not None
    tries = sorted(row["attempts"] for row in webhooks(runtime))
    assert tries[:4] == [1, 1, 1, 1], "waiting uses up no attempts"


def test_a_receiver_that_asks_for_time_gets_it_for_all_its_events(
    working_desk: Desk, runtime: Runtime, receiver: Receiver, clock: ShiftedClock
) -> None:
    desk = working_desk
    receiver.manner = lambda event, earlier: 429
    receiver.headers["Retry-After"] = "120"
    endpoint = desk.webhook(receiver.url, "ticket.created")["id"]
    desk.ticket()
    wait_for_state(desk, endpoint, "paused")
    receiver.manner = lambda event, earlier: 204
    desk.ticket()
    eventually(lambda: len(webhooks(runtime)) == 2)
    assert len(receiver.received) == 1
    found = health(desk, endpoint)
    assert found["blocked_until"] is not None
    assert found["failing_since"] is None, "who asks for time is there"
    clock.advance(seconds=121)
    receiver.wait_for(2)


def test_enabling_an_endpoint_again_ends_its_rest(
    working_desk: Desk, runtime: Runtime, receiver: Receiver
) -> None:
    desk = working_desk
    receiver.manner = lambda event, earlier: 500
    endpoint = desk.webhook(receiver.url, "ticket.created")["id"]
    for _ in range(5):
        desk.ticket()
    wait_for_state(desk, endpoint, "open")
    receiver.manner = lambda event, earlier: 204
    fresh = desk.ticket()["id"]
    eventually(lambda: len(webhooks(runtime)) == 6)
    changed = desk.ok("PATCH", f"/v1/webhooks/{endpoint}", {"enabled": True})
    assert changed["health"]["state"] == "healthy"
    receiver.wait_for_type("ticket.created", fresh)


def test_after_an_outage_the_latest_of_each_ticket_is_sent_to_who_chose_it(
    working_desk: Desk, runtime: Runtime, receiver: Receiver, clock: ShiftedClock
) -> None:
    desk = working_desk
    content = {"url": receiver.url, "after_outage": "latest"}
    endpoint = desk.ok("POST", "/v1/webhooks", content)["id"]
    receiver.manner = lambda event, earlier: 500
    ticket_id = desk.ticket()["id"]
    eventually(lambda: attempts(runtime) == 1)
    eventually(lambda: "ticket.waiting" in desk.event_types(ticket_id))
    for tag in ("a", "b", "c"):
        desk.ok("PATCH", f"/v1/tickets/{ticket_id}", {"tags": [tag]})
    eventually(lambda: not rows(runtime.database, OutboxEntry))
    receiver.manner = lambda event, earlier: 204
    desk.ok("PATCH", f"/v1/webhooks/{endpoint}", {"enabled": True})
    clock.advance(seconds=6)
    receiver.wait_for(1)
    eventually(lambda: all(r["work_state"] is not WorkState.READY for r in webhooks(runtime)))
    assert receiver.accepted[0].event["data"]["ticket"]["tags"] == ["c"]
    left_out = [row for row in webhooks(runtime) if row["work_state"] is WorkState.CANCELLED]
    assert len(left_out) + len(receiver.accepted) == len(desk.event_types(ticket_id))


def test_the_owner_of_a_webhook_that_is_disabled_gets_a_mail(
    working_desk: Desk, runtime: Runtime, receiver: Receiver
) -> None:
    desk = working_desk
    receiver.manner = lambda event, earlier: 410
    content = {
        "url": receiver.url,
        "event_types": ["ticket.created"],
        "owner_email": "ops@example.com",
    }
    endpoint = desk.ok("POST", "/v1/webhooks", content)["id"]
    desk.ticket()
    mine = table(Delivery).c.receiver == "ops@example.com"

    def sent() -> bool:
        return [row["work_state"] for row in rows(runtime.database, Delivery, mine)] == ["done"]

    eventually(sent)
    outbox = runtime.settings.data_dir / "outbox"
    [mail] = [text for path in outbox.rglob("*.eml") if "ops@" in (text := path.read_text())]
    assert "Webhook to 127.0.0.1 is disabled" in mail
    assert endpoint in mail
