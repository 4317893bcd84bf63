"""The probe tells receivers that do what they have to from those that do not."""

import base64
import hmac
import json
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
import standardwebhooks
from click.testing import CliRunner
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from services.cli.webhooks import exchange
from services.cli.webhooks.checks import Message
from services.cli.webhooks.command import webhooks
from shared.domain.webhook_signature import new_secret, require_strong
from tests.receiver import Receiver

SECRET = new_secret()


def probed(receiver: Receiver, *options: str, secret: str = SECRET) -> dict[str, Any]:
    """Probe a receiver; return, by check, whether it passed."""
    arguments = ["probe", receiver.url, "--secret", secret, "--json", *options]
    done = CliRunner().invoke(webhooks, arguments)
    found = json.loads(done.output)
    assert done.exit_code == (0 if found["passed"] else 1)
    return {each["name"]: each for each in found["checks"]}


def failed(verdicts: dict[str, Any]) -> set[str]:
    return {name for name, each in verdicts.items() if not each["passed"]}


def careful(receiver: Receiver) -> Callable[[Any, bytes], int]:
    """A receiver that verifies by the library."""

    def take(headers: Any, body: bytes) -> int:
        try:
            standardwebhooks.Webhook(SECRET).verify(body, dict(headers))
        except (standardwebhooks.WebhookVerificationError, ValueError):
            return 401
        return 204

    return take


def test_a_receiver_that_verifies_passes(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receiver, "take", careful(receiver))
    verdicts = probed(receiver)
    assert failed(verdicts) == set()
    assert len(verdicts) == 13
    told = CliRunner().invoke(webhooks, ["probe", receiver.url, "--secret", SECRET])
    assert "13 of 13 checks passed." in told.output


@pytest.mark.parametrize("style", ["thin", "cloudevents"])
def test_every_style_is_sent_as_deliveries_send_it(
    receiver: Receiver, style: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    verify, seen = careful(receiver), []

    def take(headers: Any, body: bytes) -> int:
        seen.append((headers["content-type"], json.loads(body)))
        return verify(headers, body)

    monkeypatch.setattr(receiver, "take", take)
    assert failed(probed(receiver, "--style", style)) == set()
    kinds = {kind for kind, _ in seen}
    if style == "thin":
        assert kinds == {"application/json"}
        assert all(set(event["data"]["ticket"]) == {"id", "number", "version"} for _, event in seen)
    else:
        assert kinds == {"application/cloudevents+json; charset=utf-8"}
        assert {event["specversion"] for _, event in seen} == {"1.0"}
    assert any(event.get("newmember") == "a" for _, event in seen)


def verifying(receiver: Receiver, public: str, *, shared: bool) -> Callable[[Any, bytes], int]:
    """A receiver of v1a; one that is `shared` also takes v1 made with what it was given."""
    key = base64.b64decode(public.removeprefix("whpk_"))

    def take(headers: Any, body: bytes) -> int:
        at = headers.get("webhook-timestamp", "0")
        signed = f"{headers.get('webhook-id')}.{at}.".encode() + body
        if abs(time.time() - int(at)) > 300:
            return 401
        for entry in headers["webhook-signature"].split(" "):
            scheme, _, text = entry.partition(",")
            if shared and scheme == "v1":
                if base64.b64encode(hmac.digest(key, signed, "sha256")).decode() == text:
                    return 204
            elif scheme == "v1a":
                with suppress(InvalidSignature):
                    Ed25519PublicKey.from_public_bytes(key).verify(base64.b64decode(text), signed)
                    return 204
        return 401

    return take


def test_a_receiver_of_public_keys_is_probed_with_a_pair(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = CliRunner().invoke(webhooks, ["new-secret", "--signing", "v1a", "--json"])
    pair = json.loads(made.output)
    private, public = pair["private_key"], pair["public_key"]
    monkeypatch.setattr(receiver, "take", verifying(receiver, public, shared=False))
    verdicts = probed(receiver, "--style", "cloudevents", secret=private)
    assert (failed(verdicts), len(verdicts)) == (set(), 14)
    monkeypatch.setattr(receiver, "take", verifying(receiver, public, shared=True))
    found = failed(probed(receiver, secret=private))
    assert found == {"refuses v1 signed with the public key"}


def test_a_secret_that_is_made_can_be_brought() -> None:
    made = CliRunner().invoke(webhooks, ["new-secret"])
    require_strong(made.output.split()[1])


@pytest.mark.parametrize(
    ("status", "kinds"), [(204, {"refuses"}), (401, {"takes"}), (500, {"takes", "refuses"})]
)
def test_a_receiver_that_answers_always_the_same_fails(
    receiver: Receiver, status: int, kinds: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receiver, "take", lambda headers, body: status)
    verdicts = probed(receiver)
    assert failed(verdicts) == {name for name in verdicts if name.split()[0] in kinds}


def test_a_receiver_that_takes_recordings_is_found_out(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    verify = careful(receiver)

    def take(headers: Any, body: bytes) -> int:
        far = abs(int(headers.get("webhook-timestamp", 0)) - time.time()) > 300
        return 204 if far and "webhook-id" in headers else verify(headers, body)

    monkeypatch.setattr(receiver, "take", take)
    found = failed(probed(receiver))
    assert found == {"refuses an old timestamp", "refuses a future timestamp"}


def test_a_receiver_that_refuses_what_it_has_seen_is_found_out(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    verify, seen = careful(receiver), set()

    def take(headers: Any, body: bytes) -> int:
        message_id = headers.get("webhook-id")
        status = 409 if message_id in seen else verify(headers, body)
        seen.add(message_id)
        return status

    monkeypatch.setattr(receiver, "take", take)
    verdicts = probed(receiver)
    assert failed(verdicts) == {"takes the same event again"}
    assert "sent again" in verdicts["takes the same event again"]["detail"]


def test_a_receiver_that_hangs_or_is_not_there_is_told_with_its_time(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    released = threading.Event()
    monkeypatch.setattr(receiver, "take", lambda headers, body: (released.wait(5) and 204) or 204)
    answer = exchange.post(receiver.url, Message({}, b"{}"), 0.05)
    released.set()
    assert answer.status is None
    assert answer.fault == "no complete answer within 0.05 s"
    gone = receiver.url.replace("/hook", "").rpartition(":")[0] + ":1/hook"
    nobody = exchange.post(gone, Message({}, b"{}"), 1)
    assert nobody.fault.startswith("no answer: ConnectionRefusedError")


@pytest.mark.parametrize(
    "arguments",
    [
        ["ftp://example.com/", "--secret", SECRET],
        ["nonsense", "--secret", SECRET],
        ["http://127.0.0.1:9/", "--secret", "whsec_short"],
        ["http://127.0.0.1:9/"],
    ],
)
def test_a_probe_that_cannot_begin_says_why(arguments: list[str]) -> None:
    done = CliRunner().invoke(webhooks, ["probe", *arguments])
    assert done.exit_code == 2
    assert "SECRET" not in done.output
