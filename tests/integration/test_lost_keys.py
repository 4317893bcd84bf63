"""A secret that cannot be opened: alone in its harm, and given up when its key is lost for good."""

from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import type_coerce, update
from standardwebhooks.webhooks import Webhook

from services.notifier.senders import UNREADABLE
from shared.db.engine import Database
from shared.db.keyrings import key_file_of
from shared.db.lost_secrets import REASON
from shared.db.models import AuditEntry, Subscription
from shared.db.models.base import table
from shared.db.signing_keys import SigningKeys
from shared.db.types import Document
from shared.domain.clock import SystemClock
from shared.domain.errors import BadToken, SecretUnreadable
from shared.domain.sealing import new_key, parse_keyring
from shared.messaging.worker_host import WorkerHost
from shared.runtime import Runtime
from shared.settings import Settings
from tests.api_keys import TESTER
from tests.commands import Done, run_command
from tests.desk import Desk
from tests.doctor import settings_of
from tests.fixtures.modes import Mode
from tests.problems import assert_problem
from tests.receiver import Receiver
from tests.rows import rows
from tests.waiting import eventually

FIRST, SECOND = new_key(), new_key()
HEADERS = {"X-Token": "gJ8sfk2-very-secret"}


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Settings with a key, in both modes."""
    return replace(settings, secret_keys=FIRST)


@pytest.fixture
def reencrypt(mode: Mode, tmp_path: Path) -> Callable[..., Done]:
    def run(*arguments: str, keys: str) -> Done:
        environment = {**settings_of(mode, tmp_path), "PATCHBAY_SECRET_KEYS": keys}
        return run_command("keys", "reencrypt", *arguments, environment=environment)

    return run


def subscribe(desk: Desk, url: str, key: str = "") -> dict[str, Any]:
    body = {"url": url, "headers": HEADERS, "event_types": ["ticket.created"]}
    made: dict[str, Any] = desk.ok("POST", "/v1/webhooks", body, headers={"Idempotency-Key": key})
    return made


def spoil(database: Database, subscription_id: str, column: str) -> None:
    """Seal what a column holds by a key that nobody has."""
    subscriptions = table(Subscription)
    sealed = parse_keyring(new_key()).seal(f"subscriptions.{column}", "[]")
    with database.transaction() as tx:
        tx.execute(
            update(subscriptions)
            .where(subscriptions.c.id == subscription_id)
            .values({subscriptions.c[column]: type_coerce(sealed, Document)})
        )


def test_a_subscription_that_cannot_be_read_stops_no_other(
    desk: Desk, database: Database, runtime: Runtime, receiver: Receiver,
    start_host: Callable[..., WorkerHost],
) -> None:  # fmt: skip
    lost, headless, fine = (subscribe(desk, f"{receiver.url}/{n}") for n in range(3))
    spoil(database, lost["id"], "secrets")
    spoil(database, headless["id"], "headers")
    start_host(runtime)
    desk.ticket()
    [got] = receiver.wait_for(1)
    assert Webhook(fine["secret"]).verify(got.body, dict(got.headers))

    shown = {each["id"]: each for each in desk.ok("GET", "/v1/webhooks")["items"]}
    assert {each: shown[each]["secrets_readable"] for each in shown} == {
        lost["id"]: False,
        headless["id"]: False,
        fine["id"]: True,
    }
    assert (shown[lost["id"]]["secrets"], shown[lost["id"]]["header_names"]) == ([], [])
    path = f"/v1/webhooks/{lost['id']}"
    eventually(lambda: desk.ok("GET", f"{path}/deliveries")["items"][0]["last_error"] == UNREADABLE)
    [delivery] = desk.ok("GET", f"{path}/deliveries")["items"]
    [attempt] = desk.ok("GET", f"/v1/deliveries/{delivery['id']}")["tries"]
    assert "is sealed by the key" in attempt["operator_detail"]

    assert_problem(desk.call("POST", f"{path}/rotate-secret", {}), 500, "secret-unreadable")
    assert desk.ok("PATCH", path, {"enabled": False})["secrets_readable"] is False
    assert desk.call("DELETE", path).status_code == 204
    mended = desk.ok("PATCH", f"/v1/webhooks/{headless['id']}", {"headers": HEADERS})
    assert (mended["secrets_readable"], mended["header_names"]) == (True, ["X-Token"])


def test_what_a_lost_key_sealed_is_given_up_when_somebody_says_so(
    desk: Desk, database: Database, settings: Settings, reencrypt: Callable[..., Done],
    new_runtime: Callable[..., Runtime], new_app: Callable[..., Any],
) -> None:  # fmt: skip
    kept, gone = (subscribe(desk, "https://127.0.0.1/hook", name) for name in ("kept", "gone"))
    link = SigningKeys(database, SystemClock()).sign("test", "x")
    left = Desk(new_app(new_runtime(replace(settings, secret_keys=SECOND))), desk.token)
    assert left.call("DELETE", f"/v1/webhooks/{gone['id']}").status_code == 204
    assert reencrypt(keys=SECOND).returncode == 2
    if "sqlite" not in database.url:
        unset = reencrypt("--forget-unreadable", "--yes", keys="")
        assert (unset.returncode, "No secret key is set" in unset.stderr) == (2, True)
    assert reencrypt("--forget-unreadable", keys=SECOND).returncode != 0
    assert SigningKeys(database, SystemClock()).read("test", link) == "x"

    done = reencrypt("--forget-unreadable", "--yes", keys=SECOND)
    assert (done.returncode, f"{kept['id']} is disabled" in done.stderr) == (0, True)
    assert reencrypt("--check", keys=SECOND).returncode == 0
    path = f"/v1/webhooks/{kept['id']}"
    found = left.ok("GET", path)
    assert (found["enabled"], found["disabled_reason"]) == (False, REASON)
    assert (found["secrets_readable"], found["header_names"]) == (True, [])
    fresh = left.ok("POST", f"{path}/rotate-secret", {})["secret"]
    assert fresh.startswith("whsec_")
    assert fresh != kept["secret"]
    assert left.ok("PATCH", path, {"enabled": True})["enabled"]
    again = left.call(
        "POST", "/v1/webhooks",
        {"url": kept["url"], "headers": HEADERS, "event_types": ["ticket.created"]},
        headers={"Idempotency-Key": "kept"},
    )  # fmt: skip
    assert (again.status_code, again.data) == (201, b"")
    with closing(Database(database.url, keyring=parse_keyring(SECOND))) as later:
        signing = SigningKeys(later, SystemClock())
        assert signing.read("test", signing.sign("test", "y")) == "y"
        with pytest.raises(BadToken):
            signing.read("test", link)
    [entry] = [row for row in rows(database, AuditEntry) if row["action"] == "secrets.forgotten"]
    assert entry["details"] == {
        "keys": [parse_keyring(FIRST).sealing_id],
        "signing_keys": 1,
        "subscriptions": [kept["id"]],
        "answers": 1,
    }


@pytest.mark.parametrize("mode", ["embedded"], indirect=True)
def test_no_second_key_file_is_made_beside_a_database_that_lost_its_own(
    mode: Mode, tmp_path: Path, reencrypt: Callable[..., Done]
) -> None:
    path = key_file_of(mode.database_url)
    assert path is not None
    with closing(Database(mode.database_url)) as database:
        link = SigningKeys(database, SystemClock()).sign("test", "x")
    key = path.read_text()
    path.unlink()
    with closing(Database(mode.database_url)) as restored:
        with pytest.raises(SecretUnreadable, match=r"its key file .* is gone"):
            SigningKeys(restored, SystemClock()).rotate(timedelta(0), TESTER)
        assert not path.exists()
        rotated = run_command("keys", "rotate-signing", environment=settings_of(mode, tmp_path))
        assert rotated.returncode == 2
        assert reencrypt(keys="").returncode == 2
        assert not path.exists()
        path.write_text(key)
        assert SigningKeys(restored, SystemClock()).read("test", link) == "x"
    path.unlink()
    assert reencrypt("--forget-unreadable", "--yes", keys="").returncode == 0
    with closing(Database(mode.database_url)) as anew:
        SigningKeys(anew, SystemClock()).sign("test", "x")
    assert path.read_text() != key
