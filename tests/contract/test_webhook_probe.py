"""The probe tells receivers that do what they have to from those that do not."""

import json
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
import standardwebhooks
from click.testing import CliRunner

from services.cli.webhooks import exchange
from services.cli.webhooks.checks import Message
from services.cli.webhooks.command import webhooks
from shared.domain.webhook_signature import new_secret
from tests.receiver import Receiver

SECRET = new_secret()


def probed(receiver: Receiver, *options: str) -> dict[str, Any]:
    """Probe a receiver; return, by check, whether it passed."""
    arguments = ["probe", receiver.url, "--secret", SECRET, "--json", *options]
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
