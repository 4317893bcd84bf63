"""Who may call: API keys, their scopes and their end; and the secrets that are shown once."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from click.testing import CliRunner, Result
from flask import Flask
from sqlalchemy import update

from services.cli.keys import keys
from services.cli.rotate_key import rotate_key
from shared.db.models import ApiKey, Subscription
from shared.db.models.base import table
from shared.db.signing_keys import SigningKeys
from shared.domain.clock import ManualClock, SystemClock
from shared.domain.errors import BadToken
from shared.domain.ids import Prefix
from shared.runtime import Runtime
from shared.settings import Settings
from tests.api_keys import TESTER, create_key
from tests.desk import Desk, ticket_body
from tests.problems import assert_problem
from tests.receiver import Receiver
from tests.rows import rows, set_columns
from tests.waiting import eventually


@pytest.mark.parametrize(
    "header", ["", "Basic abc", "Bearer", "Bearer ", "Bearer pbk_nobody_has_this"]
)
def test_without_a_known_key_it_is_401(desk: Desk, header: str) -> None:
    response = desk.call("POST", "/v1/tickets", ticket_body(), headers={"Authorization": header})
    assert_problem(response, 401, "unauthenticated")
    assert response.headers["WWW-Authenticate"].startswith("Bearer")


def test_an_expired_key_is_401(
    new_runtime: Callable[..., Runtime], new_app: Callable[[Runtime], Flask], database: Any
) -> None:
    token = create_key(database, "short", ["*"], days=1)
    clock = ManualClock(SystemClock().now())
    desk = Desk(new_app(new_runtime(None, clock)), token)
    assert desk.call("GET", "/v1/agents").status_code == 200
    clock.advance(timedelta(days=1, seconds=1))
    problem = assert_problem(desk.call("GET", "/v1/agents"), 401, "unauthenticated")
    assert "expired" in problem["detail"]


def test_a_rotated_key_has_two_tokens_for_the_overlap(
    new_runtime: Callable[..., Runtime], new_app: Callable[[Runtime], Flask], database: Any
) -> None:
    old = create_key(database, "app", ["*"])
    [before] = rows(database, ApiKey)
    clock = ManualClock(SystemClock().now())
    new = rotate_key(database, before["id"], timedelta(hours=2), clock.now())
    assert new is not None
    desk = Desk(new_app(new_runtime(None, clock)), old)
    first = desk.call("POST", "/v1/tickets", ticket_body(), headers={"Idempotency-Key": "a"})
    desk.token = new
    again = desk.call("POST", "/v1/tickets", ticket_body(), headers={"Idempotency-Key": "a"})
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.get_json() == first.get_json()
    clock.advance(timedelta(hours=2))
    assert desk.call("GET", "/v1/agents").status_code == 200
    desk.token = old
    problem = assert_problem(desk.call("GET", "/v1/agents"), 401, "unauthenticated")
    assert "expired" in problem["detail"]


def test_without_an_overlap_the_old_token_ends_at_once(desk: Desk, database: Any) -> None:
    old = create_key(database, "leaked", ["*"])
    [key] = rows(database, ApiKey, table(ApiKey).c.name == "leaked")
    assert rotate_key(database, key["id"], timedelta(), SystemClock().now()) is not None
    desk.token = old
    assert_problem(desk.call("GET", "/v1/agents"), 401, "unauthenticated")


def test_a_key_that_is_over_is_not_rotated(database: Any) -> None:
    now = SystemClock().now()
    create_key(database, "short", ["*"], days=1)
    [key] = rows(database, ApiKey)
    assert rotate_key(database, key["id"], timedelta(), now + timedelta(days=2)) is None
    set_columns(database, ApiKey, key["id"], revoked_at=now)
    assert rotate_key(database, key["id"], timedelta(), now) is None
    assert rotate_key(database, "key_nobody", timedelta(), now) is None


def test_the_last_use_is_noted_once_a_minute(
    new_runtime: Callable[..., Runtime], new_app: Callable[[Runtime], Flask], database: Any
) -> None:
    began = SystemClock().now()
    clock = ManualClock(began)
    token = create_key(database, "app", ["*"])
    seen = []
    for seconds in (0, 59, 1):
        clock.advance(timedelta(seconds=seconds))
        # Another process each time, which remembers no key.
        Desk(new_app(new_runtime(None, clock)), token).ok("GET", "/v1/agents")
        seen.append(rows(database, ApiKey)[0]["last_used_at"])
    assert seen == [began, began, began + timedelta(minutes=1)]


def test_a_refused_key_was_not_used(desk: Desk, database: Any) -> None:
    desk.token = create_key(database, "leaked", ["*"])
    mine = table(ApiKey).c.name == "leaked"
    [key] = rows(database, ApiKey, mine)
    set_columns(database, ApiKey, key["id"], revoked_at=SystemClock().now())
    assert desk.call("GET", "/v1/agents").status_code == 401
    assert rows(database, ApiKey, mine)[0]["last_used_at"] is None


@pytest.mark.parametrize(
    ("role", "scopes"),
    [
        ("requester", ["tickets:read", "tickets:write"]),
        ("ingest", ["tickets:write"]),
        ("admin", ["*"]),
    ],
)
def test_the_command_gives_a_role_the_scopes_it_needs(
    command: Callable[..., Result], desk: Desk, database: Any, role: str, scopes: list[str]
) -> None:
    whose = desk.ticket()["requester"]["id"]
    more = ["--requester", whose] if role == "requester" else []
    assert command("create", "--name", "app", "--role", role, *more).exit_code == 0
    [key] = rows(database, ApiKey, table(ApiKey).c.name == "app")
    assert (key["scopes"], key["role"]) == (scopes, role)
    assert key["requester_id"] == (whose if more else None)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ([], "--role"),
        (["--role", "requester"], "--requester"),
        (["--role", "agent", "--requester", "rqr_1"], "go together"),
        (["--role", "requester", "--requester", "rqr_1"], "no requester rqr_1"),
    ],
)
def test_the_command_refuses_a_key_that_would_be_nobodys(
    command: Callable[..., Result], options: list[str], told: str
) -> None:
    done = command("create", "--name", "app", *options)
    assert done.exit_code == 2
    assert told in done.output


def test_the_command_rotates_and_lists(
    command: Callable[..., Result], desk: Desk, database: Any
) -> None:
    desk.ok("GET", "/v1/agents")
    [key] = rows(database, ApiKey)
    done = command("rotate", key["id"], "--overlap-hours", "1")
    desk.token = done.stdout.strip()
    desk.ok("GET", "/v1/agents")
    listed = command("list").output
    assert "token before until" in listed
    assert "used 20" in listed
    assert command("rotate", "key_nobody").exit_code == 1


@pytest.fixture
def command(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Runs `patchbay keys`."""
    monkeypatch.setenv("PATCHBAY_DATABASE_URL", settings.database_url)
    return lambda *arguments: CliRunner().invoke(keys, arguments)


def test_a_revoked_key_is_401(desk: Desk, database: Any) -> None:
    found = table(ApiKey)
    desk.token = create_key(database, "leaked", ["*"])
    with database.transaction() as tx:
        revoked = update(found).where(found.c.name == "leaked")
        tx.execute(revoked.values(revoked_at=SystemClock().now()))
    problem = assert_problem(desk.call("GET", "/v1/agents"), 401, "unauthenticated")
    assert "revoked" in problem["detail"]


@pytest.mark.parametrize(
    ("method", "path", "scope"),
    [
        ("POST", "/v1/tickets", "tickets:write"),
        ("GET", "/v1/tickets/tkt_1", "tickets:read"),
        ("GET", "/v1/tickets/tkt_1/events", "tickets:read"),
        ("POST", "/v1/agents", "agents:write"),
        ("GET", "/v1/teams", "agents:read"),
        ("PUT", "/v1/routing/rules", "routing:write"),
        ("GET", "/v1/webhooks", "webhooks:read"),
    ],
)
def test_a_key_without_the_scope_is_403(
    desk: Desk, database: Any, method: str, path: str, scope: str
) -> None:
    others = {"tickets:read", "tickets:write", "agents:read", "webhooks:write"} - {scope}
    desk.token = create_key(database, "narrow", sorted(others))
    body = None if method == "GET" else {}
    problem = assert_problem(desk.call(method, path, body), 403, "forbidden")
    assert problem["scope"] == scope


def test_the_secret_is_shown_once(desk: Desk, receiver: Receiver, runtime: Runtime) -> None:
    made = desk.webhook(receiver.url)
    assert made["id"].startswith(f"{Prefix.SUBSCRIPTION}_")
    assert "secret" not in desk.ok("GET", f"/v1/webhooks/{made['id']}")
    assert all("secret" not in item for item in desk.ok("GET", "/v1/webhooks")["items"])
    [row] = rows(runtime.database, Subscription)
    assert row["secrets"][0]["secret"] == made["secret"]


def test_signing_keys_are_rotated_with_an_overlap(
    command: Callable[..., Result], database: Any
) -> None:
    clock = ManualClock(SystemClock().now())
    before = SigningKeys(database, clock).sign("page", 7)
    assert "1 hours" in command("rotate-signing", "--overlap-hours", "1").output
    now = SigningKeys(database, clock)
    assert now.read("page", before) == 7
    clock.advance(timedelta(hours=1, minutes=1))
    later = SigningKeys(database, clock)
    assert later.read("page", now.sign("page", 8)) == 8
    with pytest.raises(BadToken):
        later.read("page", before)


def test_a_running_process_takes_up_a_new_signing_key(database: Any) -> None:
    running, other = (SigningKeys(database, SystemClock()) for _ in range(2))
    assert running.read("page", other.sign("page", 7)) == 7
    other.rotate(timedelta(hours=1), TESTER)
    token = other.sign("page", 8)

    def reads() -> bool:
        try:
            return bool(running.read("page", token) == 8)
        except BadToken:
            return False

    eventually(reads, 5)
