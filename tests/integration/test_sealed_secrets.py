"""Secrets at rest: not to be read in the database, rotated, and refused without their key."""

import stat
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook

from shared.db.engine import Database
from shared.db.keyrings import key_file_of
from shared.db.models import Subscription
from shared.db.resealing import reseal
from shared.db.sealed_places import PLACES, keys_in_use
from shared.db.signing_keys import SigningKeys
from shared.domain.clock import SystemClock
from shared.domain.errors import SecretUnreadable
from shared.domain.sealing import new_key, parse_keyring
from shared.messaging.worker_host import WorkerHost
from shared.runtime import Runtime
from shared.settings import Settings
from tests.commands import Done, run_command
from tests.desk import Desk
from tests.doctor import look, said, settings_of
from tests.factories import subscription
from tests.fixtures.modes import Mode
from tests.receiver import Receiver
from tests.rows import rows

FIRST, SECOND = new_key(), new_key()
HEADERS = {"X-Token": "gJ8sfk2-very-secret"}


@pytest.fixture
def environment(mode: Mode, tmp_path: Path) -> dict[str, str]:
    return {**settings_of(mode, tmp_path), "PATCHBAY_SECRET_KEYS": ""}


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Settings with a key, in both modes."""
    return replace(settings, secret_keys=FIRST)


def kept(database: Database) -> str:
    """Return everything that the tables with secrets hold, as a copy of the database shows it."""
    tables = dict.fromkeys(place.table.name for place in PLACES)
    with database.reading() as connection:
        found = [connection.exec_driver_sql(f"SELECT * FROM {name}").all() for name in tables]
    return str(found)


def subscribe(desk: Desk, url: str = "https://127.0.0.1/hook") -> dict[str, Any]:
    body = {"url": url, "headers": HEADERS}
    made: dict[str, Any] = desk.call(
        "POST", "/v1/webhooks", body, headers={"Idempotency-Key": "k"}
    ).get_json()
    return made


def reencrypt(environment: Mapping[str, str], *arguments: str, keys: str) -> Done:
    given = {**environment, "PATCHBAY_SECRET_KEYS": keys}
    return run_command("keys", "reencrypt", *arguments, environment=given)


def test_no_secret_can_be_read_in_the_database_and_all_of_them_work(
    desk: Desk, database: Database, runtime: Runtime, receiver: Receiver,
    start_host: Callable[..., WorkerHost],
) -> None:  # fmt: skip
    made = subscribe(desk, receiver.url)
    link = SigningKeys(database, SystemClock()).sign("test", "x")
    text = kept(database)
    assert made["id"] in text
    for secret in (made["secret"], made["secret"].removeprefix("whsec_"), HEADERS["X-Token"]):
        assert secret not in text
    again = subscribe(desk, receiver.url)
    assert again == made
    start_host(runtime)
    desk.ticket()
    got, *_ = receiver.wait_for(1)
    assert got.headers["x-token"] == HEADERS["X-Token"]
    assert Webhook(made["secret"]).verify(got.body, dict(got.headers))
    assert SigningKeys(database, SystemClock()).read("test", link) == "x"


def test_keys_are_rotated_while_everything_is_in_use(
    desk: Desk, database: Database, environment: dict[str, str], settings: Settings,
    new_runtime: Callable[..., Runtime],
) -> None:  # fmt: skip
    made = subscribe(desk)
    SigningKeys(database, SystemClock()).sign("test", "x")
    both = f"{SECOND},{FIRST}"
    assert reencrypt(environment, "--check", keys=both).returncode == 1
    done = reencrypt(environment, keys=both)
    assert (done.returncode, done.stdout) == (
        0,
        f"Sealed anew by the key {parse_keyring(SECOND).sealing_id}: 4.\n",
    )
    assert "subscriptions.secrets: 1 of 1" in done.stderr
    assert reencrypt(environment, keys=both).stdout.endswith(": 0.\n")
    checked = reencrypt(environment, "--check", keys=SECOND)
    assert (checked.returncode, checked.stderr) == (0, "")
    later = new_runtime(replace(settings, secret_keys=SECOND)).database
    with later.reading() as connection:
        used = {key for counted in keys_in_use(connection).values() for key in counted}
    assert used == {parse_keyring(SECOND).sealing_id}
    assert made["secret"] not in kept(database)


def test_without_the_key_it_is_said_which_one_is_missing(
    desk: Desk, database: Database, environment: dict[str, str], settings: Settings,
    new_runtime: Callable[..., Runtime], new_app: Callable[..., Any], token: str,
) -> None:  # fmt: skip
    made = subscribe(desk)
    key_id = parse_keyring(FIRST).sealing_id
    done = reencrypt(environment, keys=SECOND)
    assert done.returncode == 2
    assert f"is sealed by the key {key_id}, which this process does not have" in done.stderr
    other = new_runtime(replace(settings, secret_keys=SECOND))
    answer = Desk(new_app(other), token).call(
        "POST", f"/v1/webhooks/{made['id']}/rotate-secret", {}
    )
    assert answer.get_json()["code"] == "secret-unreadable"
    assert key_id in answer.get_json()["detail"]
    found = look(environment, "--only", "database", "--json", SECRET_KEYS=SECOND)
    errors = [what for _, what in said(found, "error")]
    assert errors == [f"secrets are sealed by the key {key_id}, which is not here"]
    assert SECOND not in found.stdout
    if "sqlite" in database.url:
        started = run_command("serve", environment={**environment, "PATCHBAY_SECRET_KEYS": SECOND})
        assert started.returncode == 2
        assert str(key_id) in started.stderr


def test_what_was_never_sealed_is_read_and_sealed_by_the_command(
    new_runtime: Callable[..., Runtime], settings: Settings, new_app: Callable[..., Any],
    token: str, environment: dict[str, str],
) -> None:  # fmt: skip
    plain = new_runtime(replace(settings, secret_keys="plain"))
    made = subscribe(Desk(new_app(plain), token))
    link = SigningKeys(plain.database, SystemClock()).sign("test", "x")
    assert made["secret"] in kept(plain.database)
    found = look(environment, "--only", "database", "--json", SECRET_KEYS=FIRST)
    assert any("are not sealed by the newest key" in what for _, what in said(found, "note"))
    sealed = new_runtime()
    assert SigningKeys(sealed.database, SystemClock()).read("test", link) == "x"
    assert [step.sealed for step in reseal(sealed.database)] == [1, 1, 1, 1]
    assert made["secret"] not in kept(sealed.database)
    assert SigningKeys(sealed.database, SystemClock()).read("test", link) == "x"
    desk = Desk(new_app(sealed), token)
    assert subscribe(desk) == made
    back = reencrypt(environment, keys=f"plain,{FIRST}")
    assert (back.returncode, back.stdout) == (0, "Opened and left unsealed: 4.\n")
    assert made["secret"] in kept(sealed.database)


def test_a_deleted_subscription_leaves_no_secret_in_remembered_answers(
    desk: Desk, database: Database
) -> None:
    made = subscribe(desk)
    desk.call("DELETE", f"/v1/webhooks/{made['id']}")
    answer = desk.call(
        "POST", "/v1/webhooks", {"url": made["url"], "headers": HEADERS},
        headers={"Idempotency-Key": "k"},
    )  # fmt: skip
    assert answer.get_json()["secret"] == ""


@pytest.mark.parametrize("mode", ["distributed"], indirect=True)
def test_the_doctor_tells_that_postgresql_has_no_keys(environment: dict[str, str]) -> None:
    found = look(environment, "--only", "database", "--json")
    assert ("database", "secrets in the database are not sealed") in said(found, "warning")


@pytest.mark.parametrize("mode", ["embedded"], indirect=True)
def test_a_database_in_a_file_has_a_key_file_of_its_own(mode: Mode) -> None:
    path = key_file_of(mode.database_url)
    assert path is not None
    databases = [Database(mode.database_url) for _ in range(2)]
    assert not path.exists()
    links = [SigningKeys(each, SystemClock()).sign("test", 1) for each in databases]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [each.name for each in path.parent.glob("*.key*")] == [path.name]
    for each, link in zip(reversed(databases), links, strict=True):
        assert SigningKeys(each, SystemClock()).read("test", link) == 1
    path.write_text(f"{new_key()}\n")
    with pytest.raises(SecretUnreadable, match="is sealed by the key"):
        SigningKeys(Database(mode.database_url), SystemClock()).sign("test", 1)
    for each in databases:
        each.close()


@pytest.mark.parametrize("mode", ["embedded"], indirect=True)
def test_an_upgraded_desk_is_told_of_its_plain_secrets_and_keeps_none_in_its_file(
    new_runtime: Callable[..., Runtime], settings: Settings, new_app: Callable[..., Any],
    token: str, environment: dict[str, str], mode: Mode,
) -> None:  # fmt: skip
    """Neither in pages that are free, nor in the write-ahead log."""
    desk = Desk(new_app(new_runtime(replace(settings, secret_keys="plain"))), token)
    made, removed = subscribe(desk), desk.webhook("https://127.0.0.1/other")
    desk.call("DELETE", f"/v1/webhooks/{removed['id']}")
    secrets = [each["secret"].encode() for each in (made, removed)]
    files = [Path(f"{mode.database_url.partition(':///')[2]}{end}") for end in ("", "-wal")]
    assert all(any(each in file.read_bytes() for file in files) for each in secrets)

    checked = reencrypt(environment, "--check", keys="")
    assert (checked.returncode, "none yet" in checked.stdout) == (1, True)
    told = said(look(environment, "--only", "database", "--json"), "note")
    assert any("secrets are not sealed yet" in what for _, what in told)
    done = reencrypt(environment, keys="")
    assert (done.returncode, "free space" in done.stderr) == (0, False)
    assert reencrypt(environment, "--check", keys="").returncode == 0
    assert not any(each in file.read_bytes() for each in secrets for file in files)


def test_rows_that_go_past_sqlalchemy_are_sealed_too(database: Database) -> None:
    place, row = PLACES[1], subscription(headers=HEADERS)
    with database.transaction() as tx:
        tx.insert(place.table, [row])
    with database.transaction() as tx:
        tx.update(place.table, [{"id": row["id"], "headers": {"X-Other": HEADERS["X-Token"]}}])
    assert HEADERS["X-Token"] not in kept(database)
    [stored] = rows(database, Subscription)
    assert stored["headers"] == {"X-Other": HEADERS["X-Token"]}
    assert stored["secrets"] == row["secrets"]
