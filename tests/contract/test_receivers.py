"""Receivers of others, and those of docs/webhooks.md, take what we sign and nothing else."""

import json
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import standardwebhooks
import svix.webhooks

from shared.domain.webhook_signature import new_key_pair, new_secret, signature_headers
from tests.fixtures.node import Verify, document_in

BODY = json.dumps({"type": "ticket.created", "data": {"subject": "Ä€𝄞"}}).encode()
SECRET, OTHER = new_secret(), new_secret()
PRIVATE, PUBLIC = new_key_pair()
OTHER_PRIVATE, _ = new_key_pair()

Receive = Callable[[str, Mapping[str, str], bytes], Any]


def signed(*secrets: str, age_s: int = 0) -> dict[str, str]:
    return signature_headers(secrets, "evt_1", int(time.time()) - age_s, BODY)


def library(kind: Any) -> Receive:
    def receive(secret: str, headers: Mapping[str, str], body: bytes) -> Any:
        try:
            kind(secret).verify(body, dict(headers))
        except standardwebhooks.WebhookVerificationError:
            return None
        return json.loads(body)

    return receive


def in_document(number: int) -> Receive:
    names: dict[str, Any] = {}
    exec(document_in("python", number), names)
    receive: Receive = names["receive"]
    return receive


@pytest.fixture
def shell(tmp_path: Path) -> Receive:
    """The function of docs/webhooks.md in a shell of POSIX."""

    def receive(secret: str, headers: Mapping[str, str], body: bytes) -> Any:
        file = tmp_path / "body"
        file.write_bytes(body)
        names = ("webhook-id", "webhook-timestamp", "webhook-signature")
        given = [secret, *(headers.get(name, "0") for name in names), str(file)]
        script = document_in("sh") + '\ngenuine "$@"\n'
        done = subprocess.run(["/bin/sh", "-c", script, "sh", *given], check=False)
        return json.loads(body) if done.returncode == 0 else None

    return receive


@pytest.fixture
def receiver(request: pytest.FixtureRequest) -> Receive:
    name: str = request.param
    if name == "shell":
        shell: Receive = request.getfixturevalue("shell")
        return shell
    if name.startswith("node "):
        verify: Verify = request.getfixturevalue("node_verify")
        return lambda *message: verify(name.removeprefix("node "), *message)
    return {
        "standardwebhooks": library(standardwebhooks.Webhook),
        "svix": library(svix.webhooks.Webhook),
        "document, by the library": in_document(0),
        "document": in_document(1),
        "document, v1a": in_document(2),
    }[name]


SYMMETRIC = [
    "standardwebhooks",
    "svix",
    "document, by the library",
    "document",
    "node standardwebhooks",
    "node svix",
    "node document",
    "shell",
]
#: Receivers with what they verify with, what signs for them, and what does not.
ALL = [
    *((name, SECRET, SECRET, OTHER) for name in SYMMETRIC),
    ("document, v1a", PUBLIC, PRIVATE, OTHER_PRIVATE),
    ("node document", PUBLIC, PRIVATE, OTHER_PRIVATE),
]
each = pytest.mark.parametrize(
    ("receiver", "known", "ours", "foreign"), ALL, indirect=["receiver"], ids=range(len(ALL))
)


@each
def test_what_we_sign_is_taken_and_nothing_else(
    receiver: Receive, known: str, ours: str, foreign: str
) -> None:
    event = json.loads(BODY)
    assert receiver(known, signed(ours), BODY) == event
    rotating = signed(foreign, ours, PRIVATE if ours is SECRET else SECRET)
    assert receiver(known, rotating, BODY) == event
    assert receiver(known, signed(foreign), BODY) is None
    assert receiver(known, signed(ours), BODY + b" ") is None
    assert receiver(known, {**signed(ours), "webhook-id": "evt_2"}, BODY) is None
    assert receiver(known, signed(ours, age_s=3600), BODY) is None
    assert receiver(known, signed(ours, age_s=-3600), BODY) is None
