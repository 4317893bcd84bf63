"""What subscribers choose is kept, checked, and done."""

import base64
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
import standardwebhooks
import svix.webhooks
from cloudevents.core.bindings.http import HTTPMessage, from_structured_event
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from shared.db.models import Subscription
from shared.domain.webhook_signature import new_secret
from shared.runtime import Runtime
from tests.clock import ShiftedClock
from tests.desk import Desk
from tests.problems import assert_problem
from tests.receiver import Received, Receiver
from tests.rows import rows

CHOICES: dict[str, Any] = {
    "event_types": ["ticket.*", "webhook.disabled"],
    "filter": 'event.data.ticket.type == "incident"',
    "description": "the shop's gateway",
    "payload_style": "thin",
    "rate_limit_per_s": 5,
    "concurrency": 2,
    "ordering": "none",
    "after_outage": "latest",
    "owner_email": "ops@example.com",
    "enabled": False,
}


def subscribe(desk: Desk, url: str, **choices: Any) -> dict[str, Any]:
    return dict(desk.ok("POST", "/v1/webhooks", {"url": url, **choices}))


def accepts(secret: str, message: Received) -> None:
    """Both libraries for receivers take the message."""
    for library in (standardwebhooks.Webhook, svix.webhooks.Webhook):
        library(secret).verify(message.body, dict(message.headers))


def signature(secret: str, message: Received) -> str:
    """The entry that the library makes, whatever time it is."""
    sent_at = datetime.fromtimestamp(int(message.headers["webhook-timestamp"]), UTC)
    webhook = standardwebhooks.Webhook(secret)
    return str(webhook.sign(message.headers["webhook-id"], sent_at, message.body.decode()))


def test_what_a_subscriber_chooses_is_kept_and_changed(desk: Desk, receiver: Receiver) -> None:
    made = subscribe(desk, receiver.url, headers={"X-Key": "k1", "A": "b"}, **CHOICES)
    path = f"/v1/webhooks/{made['id']}"
    found = desk.ok("GET", path)
    assert {name: found[name] for name in CHOICES} == CHOICES
    assert found["header_names"] == ["A", "X-Key"]
    assert found["disabled_at"] == found["created_at"]
    assert "headers" not in found
    assert desk.ok("GET", "/v1/webhooks")["items"] == [found]
    changes = {
        "event_types": ["*"],
        "filter": None,
        "payload_style": "cloudevents",
        "rate_limit_per_s": None,
        "ordering": "ticket",
        "headers": {},
        "enabled": True,
    }
    changed = desk.ok("PATCH", path, changes)
    assert changed["header_names"] == []
    del changes["headers"]
    assert {name: changed[name] for name in changes} == changes
    assert changed["disabled_at"] is None
    assert changed["owner_email"] == "ops@example.com"


def test_a_refused_choice_is_told_with_its_place(desk: Desk, receiver: Receiver) -> None:
    body = {"url": receiver.url, "filter": "event.tpye == 'x'", "headers": {"Host": "a"}}
    response = desk.call("POST", "/v1/webhooks", body)
    problem = assert_problem(response, 422, "invalid-input", ["/filter", "/headers/Host"])
    details = {error["pointer"]: error["detail"] for error in problem["errors"]}
    assert details["/filter"].startswith("Line 1, column 6: there is no 'event.tpye'")


def test_only_events_that_pass_the_filter_are_sent(working_desk: Desk, receiver: Receiver) -> None:
    desk = working_desk
    subscribe(
        desk,
        receiver.url,
        event_types=["ticket.created", "ticket.commented"],
        filter='event.data.ticket.tags.exists(tag, tag == "vip")'
        ' && (event.type != "ticket.commented" || event.data.comment.visibility == "public")',
    )
    for tags in ([], ["other"], ["vip"]):
        ticket_id = desk.ticket(tags=tags)["id"]
        desk.say(ticket_id, "between us", visibility="internal")
        desk.say(ticket_id, "for you")
    receiver.wait_for_type("ticket.commented", ticket_id)
    assert receiver.types() == ["ticket.created", "ticket.commented"]
    assert {event.event["data"]["ticket"]["id"] for event in receiver.accepted} == {ticket_id}


def test_headers_of_the_subscriber_are_sent(working_desk: Desk, receiver: Receiver) -> None:
    headers = {"Authorization": "Bearer gateway", "X-Note": "two words"}
    subscribe(working_desk, receiver.url, event_types=["ticket.created"], headers=headers)
    working_desk.ticket()
    [message] = receiver.wait_for(1)
    assert message.headers["authorization"] == "Bearer gateway"
    assert message.headers["x-note"] == "two words"


def test_each_style_is_signed_as_it_is_sent(
    working_desk: Desk, new_receiver: Callable[[], Receiver]
) -> None:
    desk, receivers = working_desk, [new_receiver() for _ in range(3)]
    secrets = [
        subscribe(desk, each.url, event_types=["ticket.created"], payload_style=style)["secret"]
        for each, style in zip(receivers, ("full", "thin", "cloudevents"), strict=True)
    ]
    ticket = desk.ticket()
    messages = [receiver.wait_for(1)[0] for receiver in receivers]
    for secret, message in zip(secrets, messages, strict=True):
        accepts(secret, message)
        assert int(message.event["sequence"]) == 1
    full, thin, cloud = messages
    assert full.event == desk.events(ticket["id"])[0]
    assert set(thin.event["data"]["ticket"]) == {"id", "number", "version"}
    http = HTTPMessage(headers=dict(cloud.headers), body=cloud.body)
    event = from_structured_event(http)
    assert event.get_id() == cloud.headers["webhook-id"] == full.event["id"]
    assert event.get_data() == full.event["data"]


def test_a_secret_is_rotated_with_an_overlap_in_which_both_sign(
    working_desk: Desk, receiver: Receiver, clock: ShiftedClock, runtime: Runtime
) -> None:
    desk = working_desk
    made = subscribe(desk, receiver.url, event_types=["ticket.created"])
    path = f"/v1/webhooks/{made['id']}"
    rotated = desk.ok("POST", f"{path}/rotate-secret", {"overlap_s": 3600})
    assert rotated["secret"] not in ("", made["secret"])
    assert [each["expires_at"] is None for each in rotated["secrets"]] == [True, False]
    desk.ticket()
    [message] = receiver.wait_for(1)
    for secret in (made["secret"], rotated["secret"]):
        accepts(secret, message)
    clock.advance(seconds=3601)
    desk.ticket()
    [_, message] = receiver.wait_for(2)
    assert message.headers["webhook-signature"] == signature(rotated["secret"], message)
    assert len(desk.ok("GET", path)["secrets"]) == 1
    desk.ok("POST", f"{path}/rotate-secret", {"overlap_s": 0})
    [row] = rows(runtime.database, Subscription)
    assert len(row["secrets"]) == 1


def test_a_secret_of_ones_own_signs(working_desk: Desk, receiver: Receiver) -> None:
    desk, first, second = working_desk, new_secret(), new_secret()
    made = subscribe(desk, receiver.url, event_types=["ticket.created"], secret=first)
    assert made["secret"] == first
    rotate = f"/v1/webhooks/{made['id']}/rotate-secret"
    response = desk.call("POST", rotate, {"secret": first})
    assert_problem(response, 422, "invalid-input", ["/secret"])
    assert desk.ok("POST", rotate, {"secret": second})["secret"] == second
    desk.ticket()
    [message] = receiver.wait_for(1)
    for secret in (first, second):
        accepts(secret, message)
    desk.ok("POST", rotate, {"signing": "v1a"})
    assert desk.ok("POST", rotate, {"secret": new_secret()})["secrets"][0]["scheme"] == "v1"
    both = {"secret": new_secret(), "signing": "v1a"}
    assert_problem(desk.call("POST", rotate, both), 422, "invalid-input", ["/secret"])


def test_a_secret_that_is_short_or_can_be_guessed_is_refused_and_never_repeated(
    desk: Desk, receiver: Receiver
) -> None:
    weak = "whsec_" + base64.b64encode(b"\x07" * 32).decode()
    for secret in (weak, "whsec_c2hvcnQ=", "correct horse battery staple"):
        response = desk.call(
            "POST",
            "/v1/webhooks",
            {"url": receiver.url, "secret": secret},
            headers={"Accept-Language": "ru"},
        )
        assert_problem(response, 422, "invalid-input", ["/secret"])
        assert "екрет" in response.get_json()["errors"][0]["detail"]
        assert secret not in response.get_data(as_text=True)
    assert desk.ok("GET", "/v1/webhooks")["items"] == []


def test_a_receiver_moves_to_public_keys_without_a_gap(
    working_desk: Desk, receiver: Receiver
) -> None:
    desk = working_desk
    made = subscribe(desk, receiver.url, event_types=["ticket.created"])
    path = f"/v1/webhooks/{made['id']}"
    moved = desk.ok("POST", f"{path}/rotate-secret", {"signing": "v1a"})
    assert moved["secret"].startswith("whpk_")
    assert moved["secrets"][0]["public_key"] == moved["secret"]
    desk.ticket()
    [message] = receiver.wait_for(1)
    accepts(made["secret"], message)
    entries = dict(each.split(",") for each in message.headers["webhook-signature"].split(" "))
    key = base64.b64decode(moved["secret"].removeprefix("whpk_"))
    signed = f"{message.headers['webhook-id']}.{message.headers['webhook-timestamp']}.".encode()
    Ed25519PublicKey.from_public_bytes(key).verify(
        base64.b64decode(entries["v1a"]), signed + message.body
    )
    again = desk.ok("POST", f"{path}/rotate-secret", {})
    assert again["secret"].startswith("whpk_"), "the scheme stays unless told"


def test_no_private_key_or_shared_secret_is_ever_shown_again(
    desk: Desk, receiver: Receiver, runtime: Runtime
) -> None:
    path = "/v1/webhooks/" + subscribe(desk, receiver.url, signing="v1a")["id"]
    desk.ok("POST", f"{path}/rotate-secret", {"signing": "v1"})
    desk.ok("PATCH", path, {"description": "x"})
    shown = [desk.call("GET", path).get_data(as_text=True)]
    shown.append(desk.call("GET", "/v1/webhooks").get_data(as_text=True))
    [row] = rows(runtime.database, Subscription)
    for secret in row["secrets"]:
        assert all(secret["secret"] not in text for text in shown)


@pytest.mark.parametrize("overlap_s", [-1, 7 * 24 * 3600 + 1, "1h"])
def test_an_overlap_without_bounds_is_refused(
    desk: Desk, receiver: Receiver, overlap_s: object
) -> None:
    path = f"/v1/webhooks/{subscribe(desk, receiver.url)['id']}/rotate-secret"
    response = desk.call("POST", path, {"overlap_s": overlap_s})
    assert_problem(response, 422, "invalid-input", ["/overlap_s"])


def test_secrets_of_a_webhook_that_is_not_there_cannot_be_rotated(desk: Desk) -> None:
    response = desk.call("POST", f"/v1/webhooks/whk_{0:032x}/rotate-secret", {})
    assert_problem(response, 404, "not-found")
